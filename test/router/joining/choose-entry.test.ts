import { describe, expect, it } from "vitest";
import { chooseEntry, type WorkEnd, type WorkFacts } from "../../../functions/router/joining/choose-entry.ts";

interface Named extends WorkFacts {
  readonly name: string;
}

const work = (name: string, parts: { end?: WorkEnd; waiters?: number; takenBy?: number } = {}): Named => ({
  name,
  end: parts.end,
  waiters: parts.waiters ?? 1,
  takenBy: parts.takenBy ?? 0,
});

const choose = (entries: readonly Named[], retryCount: number) => {
  const choice = chooseEntry(entries, retryCount);
  if (choice.choose === "join") return `join ${choice.entry.name}`;
  return choice.retryOf === undefined ? "start" : `start for ${choice.retryOf.name}`;
};

describe("a request that does not say that it retries", () => {
  it.each([
    ["starts its own work where nothing is known", [], "start"],
    ["starts its own beside an equal one that somebody waits for", [work("a")], "start"],
    ["starts its own after one that was made", [work("a", { end: "made", waiters: 0 })], "start"],
    ["starts its own after a failure that another try may help", [work("a", { end: "failed_for_now" })], "start"],
    ["takes over what has lost its client", [work("a"), work("b", { waiters: 0 })], "join b"],
    ["hears a failure again that no try can help", [work("a", { end: "failed_for_good", waiters: 0 })], "join a"],
  ])("%s", (_, entries, choice) => {
    expect(choose(entries, 0)).toBe(choice);
  });
});

describe("a retry", () => {
  it.each([
    ["starts its own work where nothing is known", [], "start"],
    ["joins what runs", [work("a")], "join a"],
    ["takes what was made meanwhile", [work("a", { end: "made", waiters: 0 })], "join a"],
    ["prefers what lost its client to what did not", [work("a"), work("b", { waiters: 0 })], "join b"],
    ["prefers what runs to what was made for another", [work("a", { end: "made" }), work("b")], "join b"],
    [
      "starts anew for its own call that failed, although an equal one runs",
      [work("a"), work("b", { end: "failed_for_now" })],
      "start for b",
    ],
    ["leaves alone what another first retry took", [work("a", { takenBy: 1 }), work("b")], "join b"],
    ["starts anew where all are taken", [work("a", { takenBy: 1 })], "start"],
    ["takes nothing that cannot be handed over", [work("a", { end: "unshareable", waiters: 0 })], "start"],
  ])("%s", (_, entries, choice) => {
    expect(choose(entries, 1)).toBe(choice);
  });

  it("goes on, the second time, with what the first retry took", () => {
    expect(choose([work("a", { takenBy: 1 })], 2)).toBe("join a");
  });
});
