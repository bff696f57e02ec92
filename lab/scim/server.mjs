// A SCIM 2.0 service on loopback for tests and the quickstart, made from scimmy, scimmy-routers and express 4
// (express 5 loses startIndex and count silently). Users with the enterprise extension, and groups.
//
//   node server.mjs --dir DIR [--port N]     state in DIR: token, journal.ndjson, env.sh once it listens
//
// Beside /scim/v2 it has, without a token: GET /__all, /__count, /__stats, POST /__fault, /__reset. See README.md.

import crypto from "node:crypto";
import fs from "node:fs";
import path from "node:path";
import { pipeline, Readable } from "node:stream";
import { parseArgs } from "node:util";

import express from "express";
import SCIMMY from "scimmy";
import { SCIMMYRouters } from "scimmy-routers";

import { Faults } from "./faults.mjs";
import { patchMembers } from "./members.mjs";
import { egress } from "./query.mjs";
import { Store } from "./store.mjs";

const { values: options } = parseArgs({ options: { dir: { type: "string" }, port: { type: "string", default: "0" } } });
if (!options.dir) throw new Error("--dir is missing");
fs.mkdirSync(options.dir, { recursive: true });

const tokenFile = path.join(options.dir, "token");
if (!fs.existsSync(tokenFile)) fs.writeFileSync(tokenFile, crypto.randomBytes(24).toString("hex"), { mode: 0o600 });
const expected = crypto.createHash("sha256").update(`Bearer ${fs.readFileSync(tokenFile, "utf8").trim()}`).digest();

const store = new Store(path.join(options.dir, "journal.ndjson"));
const faults = new Faults();
const stats = { requests: {}, concurrent: 0, maxConcurrent: 0 };

const plain = (resource) => JSON.parse(JSON.stringify(resource)); // scimmy's classes and getters -> data
const notFound = (id) => new SCIMMY.Types.Error(404, null, `Resource ${id} not found`);

function refuseTwin(table, name, id) {
  const twin = table.byName.find(String(name).toLowerCase()).find((other) => other !== id);
  if (twin) throw new SCIMMY.Types.Error(409, "uniqueness", `${table.name} '${name}' already exists`);
}

function declareResources() {
  const handlers = (type, check) => ({
    ingress: async (resource, data) => {
      const table = store.table(type);
      if (resource.id && !table.rows.has(resource.id)) throw notFound(resource.id);
      check(table, data, resource.id);
      const { meta, ...rest } = plain(data); // meta is the service's business
      return table.whole(store.put(type, { ...rest, id: resource.id }));
    },
    egress: async (resource) => egress(store.table(type), resource),
    degress: async (resource) => {
      if (!store.table(type).rows.has(resource.id)) throw notFound(resource.id);
      store.remove(type, resource.id);
    },
  });
  const declare = (resource, { ingress: write, egress: read, degress: remove }) =>
    SCIMMY.Resources.declare(resource.ingress(write).egress(read).degress(remove));
  declare(SCIMMY.Resources.User.extend(SCIMMY.Schemas.EnterpriseUser, false),
    handlers("User", (table, data, id) => refuseTwin(table, data.userName, id)));
  declare(SCIMMY.Resources.Group, handlers("Group", () => {})); // two groups may share a displayName
  SCIMMY.Config.set({
    patch: true, sort: true, etag: true, changePassword: false,
    filter: { supported: true, maxResults: 1000 },
    bulk: { supported: true, maxOperations: 1000, maxPayloadSize: 4194304 },
  });
}

/** Names the request ("PATCH /Groups"), counts it, and counts how many are being answered at once. */
function count(request, response, next) {
  request.kind = `${request.method} /${request.path.split("/")[1]}`;
  stats.requests[request.kind] = (stats.requests[request.kind] ?? 0) + 1;
  stats.concurrent += 1;
  stats.maxConcurrent = Math.max(stats.maxConcurrent, stats.concurrent);
  response.once("close", () => { stats.concurrent -= 1; });
  next();
}

/** Refuses a stranger before anything else is looked at; compares digests, so that the time taken tells nothing. */
function authenticate(request, response, next) {
  const given = crypto.createHash("sha256").update(request.header("Authorization") ?? "").digest();
  if (crypto.timingSafeEqual(given, expected)) return next();
  response.set("WWW-Authenticate", "Bearer").status(401);
  return response.type("application/scim+json").send(JSON.stringify(new SCIMMY.Messages.Error({ status: 401, message: "Invalid token" })));
}

/** scimmy ignores If-Match: a stale one is refused here. And it sends no version as ETag: it does now. */
function versions(request, response, next) {
  const [, endpoint, id] = request.path.split("/");
  const row = id && store.table(endpoint === "Groups" ? "Group" : "User").rows.get(id);
  const wanted = request.header("If-Match");
  if (row && wanted && wanted !== "*" && request.method !== "GET" && !wanted.split(/\s*,\s*/).includes(row.meta.version)) {
    return next(new SCIMMY.Types.Error(412, null, `Resource ${id} was changed meanwhile`));
  }
  if (row && request.method === "GET") response.set("ETag", row.meta.version);
  return next();
}

function* everything() {
  for (const table of [store.users, store.groups]) {
    for (const row of table.rows.values()) yield `${JSON.stringify(table.whole(row))}\n`;
  }
}

function controls() {
  const router = express.Router();
  router.get("/__all", (request, response) => {
    response.type("application/x-ndjson");
    pipeline(Readable.from(everything()), response, () => {}); // a reader who leaves early is no error
  });
  router.get("/__count", (request, response) => response.json({ users: store.users.rows.size, groups: store.groups.rows.size }));
  router.get("/__stats", (request, response) => response.json({ ...stats, faults: faults.list() }));
  router.post("/__fault", express.json(), (request, response) => response.json(faults.set(request.body)));
  router.post("/__reset", (request, response) => {
    store.reset();
    faults.set([]);
    Object.assign(stats, { requests: {}, maxConcurrent: stats.concurrent });
    response.json({});
  });
  return router;
}

function application() {
  declareResources();
  const app = express();
  app.disable("x-powered-by");
  app.set("etag", false);
  app.use(controls());
  const scim = express.Router();
  scim.use(count, authenticate, faults.handler());
  scim.use(express.json({ type: ["application/scim+json", "application/json"], limit: "64mb" })); // a group of a million members
  scim.use(versions);
  scim.patch("/Groups/:id", patchMembers(store));
  scim.use(new SCIMMYRouters({
    type: "bearer", docUri: "http://127.0.0.1/", handler: () => "client",
    baseUri: (request) => `http://${request.header("Host") ?? "127.0.0.1"}`,
  }));
  app.use("/scim/v2", scim);
  app.use((error, request, response, next) => {
    if (response.headersSent) return next(error);
    const status = error.status ?? 500;
    if (status >= 500) console.error(error);
    response.status(status).type("application/scim+json");
    return response.send(JSON.stringify(new SCIMMY.Messages.Error({ status, scimType: error.scimType, message: error.message })));
  });
  return app;
}

function announce(port) {
  const quoted = (text) => `'${text.replaceAll("'", "'\\''")}'`;
  const file = path.join(options.dir, "env.sh");
  fs.writeFileSync(`${file}.tmp`, [
    `export LAB_SCIM_URL=${quoted(`http://127.0.0.1:${port}/scim/v2`)}`,
    `export LAB_SCIM_CONTROL_URL=${quoted(`http://127.0.0.1:${port}`)}`,
    `export LAB_SCIM_TOKEN_FILE=${quoted(path.resolve(tokenFile))}`,
    `export LAB_SCIM_PID=${quoted(String(process.pid))}`, ""].join("\n"));
  fs.renameSync(`${file}.tmp`, file);
  console.log(`scim: listening on 127.0.0.1:${port}, ${store.users.rows.size} users, ${store.groups.rows.size} groups`);
}

const server = application().listen(Number(options.port), "127.0.0.1", () => announce(server.address().port));
server.keepAliveTimeout = 65000; // node's 5 s would reset busy clients whenever a big answer holds up the event loop
server.on("error", (error) => {
  console.error(`scim: ${error.message}`);
  process.exit(1);
});
process.on("SIGTERM", () => {
  server.close(() => process.exit(0));
  server.closeAllConnections(); // idle keep-alive connections would hold it open; the journal is already written
});
