/** `galley config check`, as a person runs it. */
import { describe, expect, it } from "vitest";
import { galley, run } from "./galley.ts";

const INVALID = "test/config/invalid";

describe("galley config check", () => {
  it("is content with the shipped files and says their version", async () => {
    const { exitCode, stdout, stderr } = await galley("config", "check");
    expect({ exitCode, stderr }).toEqual({ exitCode: 0, stderr: "" });
    expect(stdout).toContain("routing/model-routing.yml and routing/catalog.yml fit");
    expect(stdout).toMatch(/^version [0-9a-f]{16}$/m);
  });

  it.each([
    ["npx", ["galley", "config", "check"]],
    ["npm", ["run", "-s", "galley", "--", "config", "check"]],
  ])(
    "runs by %s on the project's own Node",
    async (command, args) => {
      const { exitCode, stdout } = await run(command, args);
      expect(exitCode).toBe(0);
      expect(stdout).toContain("routing/model-routing.yml and routing/catalog.yml fit");
    },
    60_000,
  );

  it("shows where, what, the line with a caret, what was expected and a hint; and exits 1", async () => {
    const { exitCode, stdout, stderr } = await galley("config", "check", `${INVALID}/routing-unknown-model.yml`);
    expect({ exitCode, stdout }).toEqual({ exitCode: 1, stdout: "" });
    expect(stderr.split("\n")).toEqual([
      `${INVALID}/routing-unknown-model.yml:6:12  routes[0].model`,
      "  no model `SD3.5 Medum`",
      '  6 |     model: "SD3.5 Medum"',
      "    |            ^",
      "  expected  a model of the catalogue, by any of its names",
      "  hint      did you mean `SD3.5 Medium`?",
      "",
      "1 problem.",
      "",
    ]);
  });

  it("takes a routing file and a catalogue in either order", async () => {
    const files = ["test/config/valid/small-catalog.yml", "test/config/valid/small-routing.yml"];
    for (const order of [files, files.toReversed()]) {
      const { exitCode, stdout } = await galley("config", "check", ...order);
      expect(exitCode).toBe(0);
      expect(stdout).toContain("1 route, 1 model, 1 endpoint, 1 place");
    }
  });

  it("gives problems as JSON to tools", async () => {
    const { exitCode, stdout } = await galley("config", "check", "--json", `${INVALID}/routing-chain-too-long.yml`);
    expect(exitCode).toBe(1);
    expect(JSON.parse(stdout)).toMatchObject({ ok: false, version: null, problems: [{ path: "routes[0]", line: 5 }] });
  });

  it("warns of what is never reached and exits 0 all the same", async () => {
    const { exitCode, stdout, stderr } = await galley("config", "check", "test/config/valid/design-example.yml");
    expect(exitCode).toBe(0);
    expect(stderr).toContain("Warnings:\ntest/config/valid/design-example.yml:8:5  routes[1]");
    expect(stdout).toContain("fit:");
  });

  it("does not show a line that may hold a key", async () => {
    const { stderr } = await galley(
      "config",
      "check",
      `${INVALID}/catalog-key-as-secret.yml`,
      "test/config/valid/small-routing.yml",
    );
    expect(stderr).toContain("endpoints.weur-a.secret");
    expect(stderr).not.toContain("sk-live");
  });

  it.each([
    ["a file that is not there", ["no-such.yml"], "`no-such.yml` cannot be read"],
    ["two routing files", ["test/config/valid/small-routing.yml", "routing/model-routing.yml"], "one file too many"],
    ["an unknown option", ["--quiet"], "unknown option '--quiet'"],
  ])("says what to do about %s and exits 1", async (_what, args, words) => {
    const { exitCode, stderr } = await galley("config", "check", ...args);
    expect(exitCode).toBe(1);
    expect(stderr).toContain(words);
  });
});
