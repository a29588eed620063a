import { describe, expect, it } from "vitest";
import { durationMs, retryAfterMs } from "../../routing/dialects/retry-after.ts";

const NOW_MS = Date.UTC(2026, 10, 22, 12, 0, 0);

function wait(headers: Record<string, string>, nowMs?: number) {
  return retryAfterMs({ status: 429, headers: new Headers(headers), ...(nowMs === undefined ? {} : { nowMs }) });
}

describe("retry-after", () => {
  it.each([
    [{ "retry-after": "7" }, 7_000],
    [{ "retry-after": "0" }, 0],
    [{ "retry-after": "1.5" }, 1_500],
    [{ "retry-after": " 3 " }, 3_000],
    [{ "retry-after": "120" }, 120_000],
    [{ "retry-after": "121" }, 120_000],
    [{ "retry-after": "Sun, 22 Nov 2026 12:00:20 GMT" }, 20_000],
    [{ "retry-after": "Sunday, 22-Nov-26 12:00:20 GMT" }, 20_000],
    [{ "retry-after": "Sun, 22 Nov 2026 11:00:00 GMT" }, 0],
    [{ "retry-after": "Mon, 23 Nov 2026 12:00:00 GMT" }, 120_000],
    [{ "retry-after-ms": "250", "retry-after": "9" }, 250],
    [{ "retry-after-ms": "soon", "retry-after": "9" }, 9_000],
  ])("reads %j", (headers, ms) => expect(wait(headers as Record<string, string>, NOW_MS)).toBe(ms));

  it.each(["", "soon", "-5", "1e9", "NaN", "2026-11-22", "Sun, 99 Foo 2026"])("does not believe %j", (value) => {
    expect(wait({ "retry-after": value }, NOW_MS)).toBeUndefined();
  });

  it("counts a date from the response's own date when no clock is given", () => {
    const headers = { date: "Sun, 22 Nov 2026 09:00:00 GMT", "retry-after": "Sun, 22 Nov 2026 09:00:05 GMT" };
    expect(wait(headers)).toBe(5_000);
    expect(wait({ "retry-after": headers["retry-after"] })).toBeUndefined();
  });
});

describe("a RetryInfo's duration", () => {
  it.each([
    ["17s", 17_000],
    ["0.250s", 250],
    ["86400s", 120_000],
    ["17", undefined],
    ["-1s", undefined],
    [undefined, undefined],
  ])("%j is %j ms", (text, ms) => expect(durationMs(text)).toBe(ms));
});
