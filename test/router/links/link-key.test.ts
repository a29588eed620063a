import { describe, expect, it } from "vitest";
import type { Env } from "../../../functions/router/environment.ts";
import { linkKey } from "../../../functions/router/links/link-key.ts";

const env = (variables: Partial<Record<"GALLEY_MODE" | "GALLEY_LINK_KEY", string>>) => variables as Env;

describe("the key of links", () => {
  it("is the secret where there is one", () => {
    expect(linkKey(env({ GALLEY_LINK_KEY: "k" }))).toBe("k");
    expect(linkKey(env({ GALLEY_LINK_KEY: "k", GALLEY_MODE: "local" }))).toBe("k");
  });

  it("is nothing on a deployed Worker without the secret", () => {
    expect(linkKey(env({}))).toBeUndefined();
    expect(linkKey(env({ GALLEY_LINK_KEY: "" }))).toBeUndefined();
  });
});
