-- Every character that a build script may trip over; [brackets], ${DOLLARS}, @at@, "quotes" and \backslashes\.
CREATE TABLE odd (id BIGINT PRIMARY KEY, word TEXT);
INSERT INTO odd (id, word) VALUES (1, 'a;b [c] ${d} @e@ "f" \g #h');
