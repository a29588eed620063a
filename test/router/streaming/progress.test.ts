import { describe, expect, it } from "vitest";
import type { Drawn } from "../../../functions/router/make-picture.ts";
import { type Draw, type Progress, showProgress } from "../../../functions/router/streaming/progress.ts";
import type { ExecuteResult } from "../../../routing/index.ts";
import { createFakeClock, type FakeClock } from "../../support/fake-clock.ts";

const PICTURE = { format: "png", width: 1, height: 1 } as const;

/** Something that is drawn: named, seen by the test. */
interface Scripted {
  readonly afterMs: number;
  readonly costUsd?: number;
  readonly fails?: boolean;
  /** Ready all the same when it was stopped: it had been drawn already. */
  readonly isDeaf?: boolean;
}

function scripted(clock: FakeClock, { afterMs, costUsd = 0, fails = false, isDeaf = false }: Scripted) {
  const seen = { aborted: undefined as unknown, discarded: false, began: false };
  const draw: Draw = async (signal) => {
    seen.began = true;
    signal.addEventListener("abort", () => {
      seen.aborted ??= signal.reason;
    });
    await clock.sleep(afterMs, isDeaf ? undefined : signal);
    const body = new ReadableStream<Uint8Array<ArrayBuffer>>({
      cancel: () => {
        seen.discarded = true;
      },
    });
    const result = {
      ok: !fails && (isDeaf || !signal.aborted),
      costUsd,
      picture: { ...PICTURE, body },
      failure: { code: "no_capacity" },
    };
    return { result: result as unknown as ExecuteResult, seed: 1 } as Drawn;
  };
  return { draw, seen };
}

async function run(parts: {
  pictures: readonly Scripted[];
  draft?: Scripted;
  signal?: AbortSignal;
  stopAfter?: number;
}) {
  const clock = createFakeClock();
  const pictures = parts.pictures.map((picture) => scripted(clock, picture));
  const draft = parts.draft === undefined ? undefined : scripted(clock, parts.draft);
  const told: Progress[] = [];
  const telling = (async () => {
    const input = {
      pictures: pictures.map(({ draw }) => draw),
      ...(draft === undefined ? {} : { draft: draft.draw }),
      signal: parts.signal ?? new AbortController().signal,
    };
    for await (const progress of showProgress(input)) {
      told.push(progress);
      if (told.length === parts.stopAfter) break;
    }
  })();
  await clock.runUntil(telling);
  const words = told.map((progress) =>
    "index" in progress ? `${progress.happened} ${progress.index}` : progress.happened,
  );
  return {
    words,
    told,
    pictures: pictures.map(({ seen }) => seen),
    draft: draft?.seen,
    nowMs: clock.nowMs() - 1_000_000,
  };
}

describe("progress", () => {
  it("shows the draft while the picture renders, then the picture", async () => {
    const { words, draft } = await run({ pictures: [{ afterMs: 1_000 }], draft: { afterMs: 300 } });
    expect(words).toEqual(["preview 0", "picture 0", "done"]);
    expect(draft?.discarded).toBe(false);
  });

  it("drops and stops a draft that is slower than its picture, and counts what it cost", async () => {
    const { words, told, draft, nowMs } = await run({
      pictures: [{ afterMs: 300, costUsd: 0.02 }],
      draft: { afterMs: 1_000, costUsd: 0.001 },
    });
    expect(words).toEqual(["picture 0", "done"]);
    expect(draft?.aborted).toBe("lost_race");
    expect(nowMs).toBe(300);
    expect(told.at(-1)).toMatchObject({ costUsd: 0.021, pictures: 1 });
    expect(told[0]).toMatchObject({ draft: { result: { costUsd: 0.001 } } });
  });

  it("throws away a draft that comes although it was stopped", async () => {
    const { words, draft } = await run({ pictures: [{ afterMs: 300 }], draft: { afterMs: 400, isDeaf: true } });
    expect(words).toEqual(["picture 0", "done"]);
    expect(draft?.discarded).toBe(true);
  });

  it("goes on without a draft that fails", async () => {
    const { words } = await run({ pictures: [{ afterMs: 1_000 }], draft: { afterMs: 300, fails: true } });
    expect(words).toEqual(["picture 0", "done"]);
  });

  it("tells pictures as they are ready, and counts the cost of all", async () => {
    const { words, told } = await run({
      pictures: [
        { afterMs: 900, costUsd: 0.01 },
        { afterMs: 300, costUsd: 0.02 },
      ],
    });
    expect(words).toEqual(["picture 1", "picture 0", "done"]);
    expect(told.at(-1)).toMatchObject({ costUsd: 0.03, pictures: 2 });
  });

  it("still shows the draft of the first picture after the second one is there", async () => {
    const { words } = await run({ pictures: [{ afterMs: 900 }, { afterMs: 300 }], draft: { afterMs: 600 } });
    expect(words).toEqual(["picture 1", "preview 0", "picture 0", "done"]);
  });

  it("ends with the first failure and stops what still runs", async () => {
    const { words, pictures, draft } = await run({
      pictures: [{ afterMs: 300, fails: true }, { afterMs: 900 }],
      draft: { afterMs: 600 },
    });
    expect(words).toEqual(["failed"]);
    expect(pictures[1]?.aborted).toBe("revoked");
    expect(draft?.aborted).toBe("revoked");
  });

  it("stops everything when the client is gone, and says why", async () => {
    const client = new AbortController();
    const running = run({ pictures: [{ afterMs: 900 }], draft: { afterMs: 600 }, signal: client.signal });
    client.abort("client_gone");
    const { words, pictures, draft } = await running;
    expect(words).toEqual(["failed"]);
    expect([pictures[0]?.aborted, draft?.aborted]).toEqual(["client_gone", "client_gone"]);
  });

  it("stops what runs when nobody reads on", async () => {
    const { words, pictures } = await run({
      pictures: [{ afterMs: 900 }],
      draft: { afterMs: 300 },
      stopAfter: 1,
    });
    expect(words).toEqual(["preview 0"]);
    expect(pictures[0]?.aborted).toBe("revoked");
  });
});
