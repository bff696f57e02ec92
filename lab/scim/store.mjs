// What the SCIM service holds: users and groups in memory, every change appended to a journal before it is answered.
//
// A row is a plain SCIM resource. Groups keep their members beside the row, in a Map by member id, so that adding one
// member to a group of 20,000 costs one member. Look-ups that a synchronization asks all the time (userName,
// externalId, displayName, meta.lastModified) are answered from indexes.

import crypto from "node:crypto";
import fs from "node:fs";

const fold = (text) => String(text).toLowerCase();

/** Ids by key; a key may stand for several ids. */
class Index {
  #ids = new Map();

  add(key, id) {
    if (key === undefined || key === null) return;
    const ids = this.#ids.get(key);
    if (ids) ids.add(id);
    else this.#ids.set(key, new Set([id]));
  }

  remove(key, id) {
    const ids = this.#ids.get(key);
    if (!ids) return;
    ids.delete(id);
    if (ids.size === 0) this.#ids.delete(key);
  }

  find(key) {
    return [...(this.#ids.get(key) ?? [])];
  }
}

/**
 * Ids in the order of their last change. An id that changes again is appended again; the stale entry before it is
 * recognised by its number and swept out when half of the list is stale.
 */
class ChangeLog {
  #entries = [];
  #newest = new Map();
  #number = 0;

  touch(id, at) {
    this.#newest.set(id, ++this.#number);
    this.#entries.push({ id, at, number: this.#number });
    if (this.#entries.length > 1000 + 2 * this.#newest.size) {
      this.#entries = this.#entries.filter((entry) => this.#newest.get(entry.id) === entry.number);
    }
  }

  forget(id) {
    this.#newest.delete(id);
  }

  /** Ids changed at or after `at` (milliseconds), oldest change first. Times never go backwards, so halving finds it. */
  since(at) {
    let low = 0;
    let high = this.#entries.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (this.#entries[middle].at < at) low = middle + 1;
      else high = middle;
    }
    return this.#entries.slice(low).filter((entry) => this.#newest.get(entry.id) === entry.number).map((entry) => entry.id);
  }
}

/** One resource type: rows by id and what finds them. `name` is the attribute people know the resource by. */
class Table {
  rows = new Map();
  members = new Map(); // group id -> Map(member id -> member); stays empty for users
  changes = new ChangeLog();
  byName = new Index();
  byExternalId = new Index();
  #ordered = null;

  constructor(type, name) {
    this.type = type;
    this.name = name;
  }

  set(row) {
    const old = this.rows.get(row.id);
    if (old) this.#unindex(old);
    else this.#ordered = null;
    this.rows.set(row.id, row);
    if (old && this.#ordered) this.#ordered = null;
    this.byName.add(fold(row[this.name]), row.id);
    this.byExternalId.add(row.externalId, row.id);
    this.changes.touch(row.id, Date.parse(row.meta.lastModified));
  }

  remove(id) {
    const row = this.rows.get(id);
    if (!row) return;
    this.#unindex(row);
    this.rows.delete(id);
    this.members.delete(id);
    this.changes.forget(id);
    this.#ordered = null;
  }

  /** All rows in the order of their creation; kept until something changes, for a client that pages through them. */
  ordered() {
    this.#ordered ??= [...this.rows.values()];
    return this.#ordered;
  }

  /** The row as SCIM shows it. */
  whole(row) {
    const members = this.members.get(row.id);
    return members && members.size > 0 ? { ...row, members: [...members.values()] } : row;
  }

  #unindex(row) {
    this.byName.remove(fold(row[this.name]), row.id);
    this.byExternalId.remove(row.externalId, row.id);
  }
}

export class Store {
  users = new Table("User", "userName");
  groups = new Table("Group", "displayName");
  #memberOf = new Index(); // member id -> group ids
  #journal;
  #clock = 0;

  /** Opens or creates the journal and replays it. A last line cut short (the process was killed in it) is dropped. */
  constructor(path) {
    this.path = path;
    this.#journal = fs.openSync(path, "a+", 0o600);
    fs.ftruncateSync(this.#journal, this.#replay());
  }

  close() {
    fs.closeSync(this.#journal);
  }

  table(type) {
    return type === "Group" ? this.groups : this.users;
  }

  /** Stores a resource as given, with a new id when it has none. `display` members of a group come inside it. */
  put(type, resource) {
    const table = this.table(type);
    const id = resource.id ?? crypto.randomUUID();
    const old = table.rows.get(id);
    const { members, ...row } = { ...resource, id };
    row.meta = this.#meta(type, old);
    this.#append({ op: "put", type, row, members });
    this.#applyPut(table, row, members);
    return row;
  }

  /** Takes the resource away, and out of every group it is a member of, as services do. */
  remove(type, id) {
    for (const group of this.#memberOf.find(id)) this.changeMembers(group, [], [id]);
    this.#append({ op: "remove", type, id });
    this.#applyRemove(this.table(type), id);
  }

  /** Adds members (objects with `value`) and removes member ids; true when that changed the group. */
  changeMembers(id, add, remove) {
    const members = this.groups.members.get(id);
    const added = add.filter((member) => !members?.has(member.value));
    const removed = remove.filter((value) => members?.has(value));
    if (added.length === 0 && removed.length === 0) return false;
    const meta = this.#meta("Group", this.groups.rows.get(id));
    this.#append({ op: "members", id, add: added, remove: removed, meta });
    this.#applyMembers(id, added, removed, meta);
    return true;
  }

  /** Forgets everything, the journal too. */
  reset() {
    fs.ftruncateSync(this.#journal, 0);
    this.users = new Table("User", "userName");
    this.groups = new Table("Group", "displayName");
    this.#memberOf = new Index();
  }

  #meta(type, old) {
    this.#clock = Math.max(this.#clock, Date.now()); // never backwards, whatever the machine's clock does
    const now = new Date(this.#clock).toISOString();
    const version = `W/"${crypto.randomBytes(8).toString("hex")}"`;
    return { resourceType: type, created: old?.meta.created ?? now, lastModified: now, version };
  }

  #append(entry) {
    fs.writeSync(this.#journal, `${JSON.stringify(entry)}\n`);
  }

  #applyPut(table, row, members) {
    if (table === this.groups) {
      for (const value of table.members.get(row.id)?.keys() ?? []) this.#memberOf.remove(value, row.id);
      table.members.set(row.id, new Map((members ?? []).map((member) => [member.value, member])));
      for (const value of table.members.get(row.id).keys()) this.#memberOf.add(value, row.id);
    }
    table.set(row);
  }

  #applyRemove(table, id) {
    for (const value of table.members.get(id)?.keys() ?? []) this.#memberOf.remove(value, id);
    table.remove(id);
  }

  #applyMembers(id, add, remove, meta) {
    const members = this.groups.members.get(id);
    for (const value of remove) {
      members.delete(value);
      this.#memberOf.remove(value, id);
    }
    for (const member of add) {
      members.set(member.value, member);
      this.#memberOf.add(member.value, id);
    }
    this.groups.set({ ...this.groups.rows.get(id), meta });
  }

  /** Reads the journal in pieces; returns how many bytes of it are whole lines. */
  #replay() {
    const piece = Buffer.alloc(1 << 20);
    let rest = Buffer.alloc(0);
    let whole = 0;
    for (;;) {
      const size = fs.readSync(this.#journal, piece, 0, piece.length, whole + rest.length);
      if (size === 0) return whole;
      rest = Buffer.concat([rest, piece.subarray(0, size)]);
      let begin = 0;
      for (let end = rest.indexOf(10); end >= 0; end = rest.indexOf(10, begin)) {
        this.#replayLine(JSON.parse(rest.toString("utf8", begin, end)));
        begin = end + 1;
      }
      whole += begin;
      rest = rest.subarray(begin);
    }
  }

  #replayLine(entry) {
    const at = entry.meta?.lastModified ?? entry.row?.meta.lastModified;
    if (at) this.#clock = Math.max(this.#clock, Date.parse(at));
    if (entry.op === "put") this.#applyPut(this.table(entry.type), entry.row, entry.members);
    else if (entry.op === "remove") this.#applyRemove(this.table(entry.type), entry.id);
    else this.#applyMembers(entry.id, entry.add, entry.remove, entry.meta);
  }
}
