/** Snapshot ↔ JSON. */
import { describe, expect, it } from "vitest";
import { canonicalJson, contentVersion, parseSnapshot, toSnapshotJson } from "../../routing/config/snapshot-json.ts";
import { aSnapshot } from "../support/snapshot.ts";

describe("a stored snapshot", () => {
  it("comes back as it was", () => {
    const snapshot = { ...aSnapshot(), version: "0123456789abcdef" };
    expect(parseSnapshot(toSnapshotJson(snapshot))).toEqual({ ok: true, value: snapshot });
  });

  const sound = JSON.parse(toSnapshotJson({ ...aSnapshot(), version: "0123456789abcdef" }));
  const without = (path: string) => {
    const copy = structuredClone(sound);
    const steps = path.split(".");
    const last = steps.pop()!;
    delete steps.reduce((node, step) => node[step], copy)[last];
    return JSON.stringify(copy);
  };

  it.each([
    ["garbage", "<html>", "not_json"],
    ["an empty value", "", "not_json"],
    ["a cut-off document", toSnapshotJson(sound).slice(0, -20), "not_json"],
    ["another schema", JSON.stringify({ ...sound, schema: 2 }), "wrong_schema"],
    ["no schema", without("schema"), "wrong_schema"],
    ["a list", "[]", "bad_shape"],
    ["null", "null", "bad_shape"],
    ["a version that is no hash", JSON.stringify({ ...sound, version: "../secrets" }), "bad_shape"],
    ["no content", without("content"), "bad_shape"],
    ["no routes", without("content.routing.routes"), "bad_shape"],
    ["no rules of inference", without("content.routing.infer"), "bad_shape"],
    ["no default route", without("content.routing.defaultRoute"), "bad_shape"],
    ["no policies", without("content.routing.policies"), "bad_shape"],
    ["no canaries", without("content.routing.canaries"), "bad_shape"],
    ["no models", without("content.catalog.models"), "bad_shape"],
    ["no endpoints", without("content.catalog.endpoints"), "bad_shape"],
    ["no places", without("content.catalog.places"), "bad_shape"],
    ["no names", without("content.catalog.names"), "bad_shape"],
  ])("is refused when it is %s", (_what, text, reason) => {
    expect(parseSnapshot(text)).toMatchObject({ ok: false, failure: { reason } });
  });
});

describe("canonical JSON", () => {
  it("orders members at every depth and leaves lists alone", () => {
    expect(canonicalJson({ b: [{ d: 1, c: 2 }, "x"], a: null, B: true })).toBe(
      '{"B":true,"a":null,"b":[{"c":2,"d":1},"x"]}',
    );
  });

  it("gives the version that any SHA-256 tool gives", async () => {
    const content = { routing: {}, catalog: {} } as never;
    // printf '{"catalog":{},"routing":{}}' | sha256sum | cut -c1-16
    expect(await contentVersion(content)).toBe("2b823702ae206321");
  });
});
