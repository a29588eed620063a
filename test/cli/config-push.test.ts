/** `galley config push` into a KV on disk, through wrangler itself. */
import { existsSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { runWrangler } from "../../infra/local/wrangler.ts";
import { parsePointer, parseSnapshot } from "../../routing/authoring.ts";
import { galley } from "./galley.ts";

let state: string;
beforeEach(async () => {
  state = await mkdtemp(join(tmpdir(), "galley-test-"));
});
afterEach(() => rm(state, { recursive: true, force: true }));

/** What stands in the KV, read by wrangler. */
async function stored(key: string): Promise<string> {
  const where = ["--binding", "CONFIG", "--local", "--persist-to", state];
  return (await runWrangler(["kv", "key", "get", key, "--text", ...where])).output.trim();
}

describe("galley config push", () => {
  it("puts the version and the pointer where a router on this machine reads them", async () => {
    const pushed = await galley("config", "push", "--persist-to", state, "-m", "first", "--author", "ada");
    expect(pushed).toMatchObject({ exitCode: 0 });
    const pointer = parsePointer(await stored("config/current"));
    expect(pointer).toMatchObject({ ok: true, value: { message: "first", author: "ada" } });
    const version = pointer.ok ? pointer.value.version : "";
    expect(pushed.stdout).toContain(`version ${version} is in force: first`);
    expect(parseSnapshot(await stored(`config/${version}`))).toMatchObject({ ok: true, value: { version } });
  }, 120_000);

  it("changes nothing when the check fails", async () => {
    const bad = "test/config/invalid/routing-unknown-model.yml";
    const { exitCode, stdout, stderr } = await galley("config", "push", bad, "--persist-to", join(state, "kv"));
    expect({ exitCode, stdout }).toEqual({ exitCode: 1, stdout: "" });
    expect(stderr).toContain("no model `SD3.5 Medum`");
    expect(stderr).toContain("Nothing was pushed.");
    expect(stderr).toContain(`run:  npx galley config check ${bad} routing/catalog.local.yml`);
    expect(existsSync(join(state, "kv"))).toBe(false);
  });

  it("says that the world is at fault when the store cannot be written, and exits 2", async () => {
    const { exitCode, stdout, stderr } = await galley("config", "push", "--persist-to", "/dev/null/kv");
    expect({ exitCode, stdout }).toEqual({ exitCode: 2, stdout: "" });
    expect(stderr).toContain("Nothing was pushed: the version could not be written.");
  }, 60_000);
});
