/** `galley config push` and what stands around it, into a KV on disk, read back by wrangler itself. */
import { existsSync } from "node:fs";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { judgementWords, parseRamp, parseShare, type StageOptions, toStage } from "../../infra/cli/push-stage.ts";
import { runWrangler } from "../../infra/local/wrangler.ts";
import { parsePointer } from "../../routing/authoring.ts";
import { aSnapshot } from "../support/snapshot.ts";
import { galley, ROOT } from "./galley.ts";

let state: string;
/** The shipped routing file, with previews under another deadline. */
let edited: string;
beforeAll(async () => {
  state = await mkdtemp(join(tmpdir(), "galley-test-"));
  edited = join(state, "edited-routing.yml");
  const shipped = await readFile(join(ROOT, "routing/model-routing.yml"), "utf8");
  await writeFile(edited, shipped.replace("deadline: 8s", "deadline: 9s"));
});
afterAll(() => rm(state, { recursive: true, force: true }));

/** What stands in the KV, read by wrangler. */
async function stored(key: string): Promise<string> {
  const where = ["--binding", "CONFIG", "--local", "--persist-to", state];
  return (await runWrangler(["kv", "key", "get", key, "--text", ...where])).stdout.trim();
}

const versionIn = (text: string): string => /version ([0-9a-f]{16})/.exec(text)?.[1] ?? "";

describe("galley config", () => {
  it("pushes, compares, refuses what was not expected, goes back, and keeps the history", async () => {
    const here = (...args: readonly string[]) => galley("config", ...args, "--persist-to", state);
    const before = await here("diff");
    expect(before).toMatchObject({ exitCode: 0 });
    expect(before.stdout).toContain("Nothing is in force in the local KV yet");

    const first = await here("push", "-m", "first", "--author", "ada");
    expect(first).toMatchObject({ exitCode: 0 });
    const version = versionIn(first.stdout);
    expect(first.stdout).toContain(`version ${version} is in force: first`);
    expect(parsePointer(await stored("config/current"))).toMatchObject({
      ok: true,
      value: { version, message: "first", author: "ada" },
    });

    const again = await here("push", "-m", "again");
    expect(again).toMatchObject({ exitCode: 0 });
    expect(again.stdout).toContain("in force already");

    const diff = await here("diff", edited);
    expect(diff.stdout).toContain("~ policy `fast-preview`: deadlineMs 9000, before 8000");

    const refused = await here("push", edited, "--expect", "0000000000000000");
    expect(refused).toMatchObject({ exitCode: 1, stdout: "" });
    expect(refused.stderr).toContain(`version ${version} is in force, not 0000000000000000`);

    const second = await here("push", edited, "--expect", version, "--rollout", "10%", "-m", "a tenth");
    const next = versionIn(second.stdout);
    expect(second.stdout).toContain(`version ${next} serves 10 % of the clients, ${version} the rest: a tenth`);
    expect(second.stdout).toContain(`npx galley canary status config-${next}`);

    const back = await here("rollback", "--author", "grace");
    expect(back.stdout).toContain(`version ${version} is in force again`);

    const { stdout } = await here("log", "--json");
    expect(JSON.parse(stdout)).toMatchObject({
      current: version,
      log: [
        { version, author: "grace", message: `rollback from ${next}` },
        { version: next, message: "a tenth" },
        { version, author: "ada", message: "first" },
      ],
    });
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

  it("says that the world is at fault when the store cannot be opened, and exits 2", async () => {
    const { exitCode, stdout, stderr } = await galley("config", "push", "--persist-to", "/dev/null/kv");
    expect({ exitCode, stdout }).toEqual({ exitCode: 2, stdout: "" });
    expect(stderr).toContain("The KV could not be read; nothing was changed.");
  }, 60_000);

  it("refuses both stores at once and exits 1", async () => {
    const { exitCode, stderr } = await galley("config", "push", "--local", "--remote");
    expect(exitCode).toBe(1);
    expect(stderr).toContain("--local and --remote cannot both be meant");
  });
});

describe("a staged push", () => {
  it.each([
    ["10%", 0.1],
    ["0.25", 0.25],
    ["12.5 %", 0.125],
  ])("reads %s as a share", (text, share) => {
    expect(parseShare(text)).toBe(share);
  });

  it.each(["0%", "100%", "ten", "-5%", ""])("refuses %j as a share", (text) => {
    expect(() => parseShare(text)).toThrow("Give a share between 0 and 100%");
  });

  it("goes to a share that is judged, to one that is not, to regions, or to everybody", () => {
    const snapshot = aSnapshot({ version: "00000000000000a2" });
    expect(toStage({ rollout: [0.01, 0.1] }, snapshot, "00000000000000a1")).toEqual({
      kind: "share",
      share: 0.01,
      salt: "00000000000000a1-00000000000000a2",
      judge: { ramp: [0.01, 0.1], mode: "enforce", minRequests: 500, minHours: 1 },
    });
    const terms = { observe: true, minRequests: 20, minHours: 0, warmup: 0 };
    expect(toStage({ rollout: [0.1], ...terms }, snapshot)).toMatchObject({
      judge: { mode: "observe", minRequests: 20, minHours: 0, warmupMs: 0 },
    });
    expect(toStage({ rollout: [0.1], judge: false }, snapshot)).toEqual({ kind: "share", share: 0.1, salt: "config" });
    expect(toStage({ regions: "apac, weur" }, snapshot)).toEqual({ kind: "regions", regions: ["apac", "weur"] });
    expect(toStage({}, snapshot)).toBeUndefined();
  });

  it("reads shares that grow, and no others", () => {
    expect(parseRamp("1%, 10%,50%")).toEqual([0.01, 0.1, 0.5]);
    expect(() => parseRamp("10%,10%")).toThrow("shares that grow");
    expect(() => parseRamp("10%,all")).toThrow("Give a share between 0 and 100%");
  });

  it("says what will become of it", () => {
    const version = "00000000000000a2";
    const words = (options: StageOptions) => {
      const stage = toStage(options, aSnapshot({ version }));
      return stage === undefined ? "" : judgementWords(stage, version);
    };
    expect(words({ rollout: [0.01, 0.1] })).toBe(
      "It goes back by itself when it is worse, and on to 10 %, then everybody after 500 requests and 1 h each, " +
        "once it is shown to be no worse: npx galley canary status config-00000000000000a2",
    );
    expect(words({ rollout: [0.1], observe: true })).toMatch(/^What it would do is only written down: /);
    expect(words({ rollout: [0.1], judge: false })).toBe("It stays so until the next push or rollback.");
    expect(words({ regions: "apac" })).toContain("nobody judges this push but you");
  });

  it.each([
    ["a region that is not there", { regions: "mars" }, "There is no region `mars`"],
    ["a cluster", { regions: "gpu-cluster" }, "There is no region `gpu-cluster`"],
    ["shares that nobody would go through", { rollout: [0.1, 0.5], judge: false }, "Nobody would go from share"],
    ["a share and regions", { rollout: [0.1], regions: "apac" }, "--rollout and --regions cannot both be meant"],
  ])("refuses %s", (_what, options, words) => {
    expect(() => toStage(options, aSnapshot())).toThrow(words);
  });
});
