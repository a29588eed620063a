/**
 * The Worker that drives one RegionScheduler object from inside the runtime, where its callers are: each request to it is a caller that
 * reserves and releases so many times, one after the other.
 */

/** An ES module. `POST /configure` takes the snapshot, `POST /drive` a `Drive`. */
export const DRIVER_WORKER = `
let config;

export default {
  async fetch(request, env) {
    const body = await request.json();
    const region = env.REGION.getByName("weur", { locationHint: "weur" });
    if (new URL(request.url).pathname === "/configure") {
      config = { version: body.version, pushedAtMs: Date.now() };
      await region.configure("weur", body, config.pushedAtMs);
      return Response.json({});
    }
    const { caller, pairs, ask, outcome } = body;
    const refused = {};
    let granted = 0;
    for (let index = 0; index < pairs; index += 1) {
      const nowMs = Date.now();
      const own = { requestId: caller + "." + index, deadlineAtMs: nowMs + 8_000, startedAtMs: nowMs };
      const { answer } = await region.call({ ...config, viewAtMs: nowMs, ask: { ...ask, ...own } });
      if (answer?.kind !== "granted") {
        refused[answer?.kind ?? "nothing"] = (refused[answer?.kind ?? "nothing"] ?? 0) + 1;
        continue;
      }
      granted += 1;
      const { id, endpoint } = answer.lease;
      await region.call({ ...config, viewAtMs: nowMs, released: [{ leaseId: id, endpoint, outcome }] });
    }
    return Response.json({ granted, refused });
  },
};
`;
