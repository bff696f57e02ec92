// PATCH of group members, done here because scimmy rebuilds and checks the whole group for every change:
// seconds for a group of 20,000. Whatever is not purely about members is left to scimmy.

import SCIMMY from "scimmy";

const invalid = (detail) => new SCIMMY.Types.Error(400, "invalidValue", detail);

function asMembers(value) {
  return (Array.isArray(value) ? value : [value]).map((member) => {
    if (typeof member?.value !== "string" || member.value === "") throw invalid("A member needs a 'value'");
    const { value: id, display, type, $ref } = member;
    return JSON.parse(JSON.stringify({ value: id, display, type, $ref })); // drops what is undefined
  });
}

/** `members[value eq "a" or value eq "b"]` -> ["a", "b"]; undefined when it is anything else. */
function filteredIds(path) {
  const inside = /^members\[\s*(.+?)\s*\]$/i.exec(path)?.[1];
  if (inside === undefined) return undefined;
  const ids = [];
  for (const part of inside.split(/\s+or\s+/i)) {
    const id = /^value\s+eq\s+"([^"\\]+)"$/i.exec(part.trim())?.[1];
    if (id === undefined) return undefined;
    ids.push(id);
  }
  return ids;
}

/** One operation as {add, remove} or {set}; undefined when it is not only about members. */
function understand({ op, path, value }) {
  const verb = String(op).toLowerCase();
  if (path === undefined || path === null || path === "") {
    const keys = Object.keys(value ?? {});
    if (keys.length !== 1 || keys[0].toLowerCase() !== "members" || verb === "remove") return undefined;
    return understand({ op, path: "members", value: value[keys[0]] });
  }
  if (path.toLowerCase() !== "members") {
    const ids = verb === "remove" ? filteredIds(path) : undefined;
    return ids && { add: [], remove: ids };
  }
  if (verb === "add") return { add: asMembers(value), remove: [] };
  if (verb === "replace") return { set: asMembers(value ?? []) };
  if (verb !== "remove") return undefined;
  // With a value only these members are removed (a common client's habit), without one all of them.
  return value === undefined ? { set: [] } : { add: [], remove: asMembers(value).map((member) => member.value) };
}

/** Express handler for PATCH /Groups/:id: carries out what is only about members, passes the rest on. */
export function patchMembers(store) {
  return (request, response, next) => {
    try {
      const operations = request.body?.Operations;
      if (!Array.isArray(operations) || operations.length === 0) return next();
      if (operations.some((operation) => operation?.path !== undefined && typeof operation.path !== "string")) return next();
      const steps = operations.map(understand);
      if (steps.includes(undefined)) return next();
      const { id } = request.params;
      if (!store.groups.rows.has(id)) throw new SCIMMY.Types.Error(404, null, `Resource ${id} not found`);
      for (const step of steps) {
        const keep = step.set && new Set(step.set.map((member) => member.value));
        const gone = keep ? [...store.groups.members.get(id).keys()].filter((value) => !keep.has(value)) : step.remove;
        store.changeMembers(id, step.set ?? step.add, gone);
      }
      return response.status(204).end();
    } catch (error) {
      return next(error);
    }
  };
}
