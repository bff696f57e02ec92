// Misbehaviour on demand: what a service under load, behind a bad proxy, or dying does to its clients.

const ERROR = "urn:ietf:params:scim:api:messages:2.0:Error";
const GARBAGE = '<html><body>Bad gateway</body>{"Resources": [';

/** Calls `instead(chunk)` where the reply would be sent; nothing has reached the client by then. */
function interceptEnd(response, instead) {
  const end = response.end.bind(response);
  response.write = () => true;
  response.end = (...args) => {
    delete response.write;
    response.end = end;
    return instead(...args);
  };
}

export class Faults {
  #faults = [];

  /** Takes one fault or a list; they replace what was there. See README.md for the fields. */
  set(faults) {
    const list = (Array.isArray(faults) ? faults : [faults]).filter((fault) => fault && Object.keys(fault).length > 0);
    this.#faults = list.map((fault) => ({ times: 1, after: 0, ...fault }));
    return this.#faults;
  }

  list() {
    return this.#faults;
  }

  /** Express handler. `request.kind` is "POST /Users" and the like. */
  handler() {
    return (request, response, next) => {
      const fault = this.#next(request.kind);
      if (!fault) return next();
      if (fault.delay) return setTimeout(() => this.#act(fault, request, response, next), fault.delay);
      return this.#act(fault, request, response, next);
    };
  }

  /** The first fault that matches, counted down; `times` below zero never ends. */
  #next(kind) {
    const fault = this.#faults.find((candidate) => candidate.times !== 0 && (!candidate.match || candidate.match === kind));
    if (!fault) return undefined;
    if (fault.after > 0) {
      fault.after -= 1;
      return undefined;
    }
    fault.times -= 1;
    return fault;
  }

  #act(fault, request, response, next) {
    if (fault.drop) {
      // The change is made and journalled; the client never hears of it.
      interceptEnd(response, () => request.socket.destroy());
    } else if (fault.garbage) {
      interceptEnd(response, () => {
        response.removeHeader("ETag");
        response.setHeader("Content-Type", "application/scim+json");
        response.setHeader("Content-Length", Buffer.byteLength(GARBAGE));
        return response.end(GARBAGE);
      });
    } else if (fault.status) {
      if (fault.retryAfter !== undefined) response.set("Retry-After", String(fault.retryAfter));
      const scimType = fault.status === 409 ? { scimType: "uniqueness" } : {};
      response.set("Content-Type", "application/scim+json");
      return response.status(fault.status).send(
        JSON.stringify({ schemas: [ERROR], status: String(fault.status), ...scimType, detail: "Injected by the test" }));
    }
    return next();
  }
}
