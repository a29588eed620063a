/** The pointer to the version in force. */
import { describe, expect, it } from "vitest";
import { type ConfigPointer, CURRENT_CONFIG_KEY, configKey, parsePointer } from "../../routing/config/kv-keys.ts";

const pointer: ConfigPointer = {
  schema: 1,
  version: "0123456789abcdef",
  message: "previews get 10 s",
  author: "ada",
  pushedAtMs: 1_790_000_000_000,
};

describe("the configuration's keys", () => {
  it("are those that are written down", () => {
    expect([CURRENT_CONFIG_KEY, configKey(pointer.version)]).toEqual(["config/current", "config/0123456789abcdef"]);
  });

  it("hold a pointer that comes back as it was, without what it does not know", () => {
    expect(parsePointer(JSON.stringify({ ...pointer, more: 1 }))).toEqual({ ok: true, value: pointer });
  });

  it.each([
    ["garbage", "{", "not_json"],
    ["null", "null", "bad_shape"],
    ["another schema", JSON.stringify({ ...pointer, schema: 2 }), "wrong_schema"],
    ["a version that is no hash", JSON.stringify({ ...pointer, version: "current" }), "bad_shape"],
    ["no message", JSON.stringify({ ...pointer, message: undefined }), "bad_shape"],
    ["a time in words", JSON.stringify({ ...pointer, pushedAtMs: "yesterday" }), "bad_shape"],
  ])("refuse %s", (_what, text, reason) => {
    expect(parsePointer(text)).toMatchObject({ ok: false, failure: { reason } });
  });
});
