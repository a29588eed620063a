/** What a shell is told when somebody presses tab. */
import { spawnSync } from "node:child_process";
import { describe, expect, it } from "vitest";
import { galley } from "./galley.ts";

const offered = async (...words: readonly string[]): Promise<readonly string[]> => {
  const { exitCode, stdout } = await galley("complete", "--", ...words);
  expect(exitCode).toBe(0);
  return stdout.split("\n").flatMap((line) => (line === "" || line.startsWith(":") ? [] : [line.split("\t")[0] ?? ""]));
};

describe("galley completion", () => {
  it("offers commands, subcommands and options", async () => {
    expect(await offered("")).toEqual(expect.arrayContaining(["config", "canary", "status", "deploy"]));
    expect(await offered("canary", "")).toEqual(expect.arrayContaining(["start", "status", "promote", "abort"]));
    expect(await offered("config", "push", "--r")).toEqual(["--rollout", "--regions", "--remote"]);
  });

  it("prints a script that bash can read, and one for zsh", async () => {
    const bash = await galley("completion", "bash");
    expect(spawnSync("bash", ["-n"], { input: bash.stdout })).toMatchObject({ status: 0 });
    expect(bash.stdout).toContain("complete -F __galley_complete galley");
    expect((await galley("completion", "zsh")).stdout).toContain("#compdef galley");
    expect((await galley("completion", "fishes")).exitCode).toBe(1);
  });
});
