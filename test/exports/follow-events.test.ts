/** A reader that is cut off at any moment and comes back with the last id that it has seen gets every event once, in order. */
import { describe, expect, it } from "vitest";
import { type FollowedJob, followEvents } from "../../functions/exports/follow-events.ts";
import type { StoredEvent } from "../../functions/exports/job-store.ts";
import { chanceFrom } from "../../infra/gpu/simulator/chance.ts";
import { settle } from "../support/fake-clock.ts";

/** A job that says what it is told to say. */
function createJob() {
  const log: StoredEvent[] = [];
  const followers = new Set<(events: readonly StoredEvent[]) => void>();
  const state = () => (log.at(-1)?.type === "done" ? "done" : "rendering");
  const job: FollowedJob = {
    record: () => ({ job: { state: state() } }) as ReturnType<FollowedJob["record"]>,
    follow(seq, tell) {
      const missed = log.filter((event) => event.seq > seq);
      if (missed.length > 0) tell(missed);
      followers.add(tell);
      return () => followers.delete(tell);
    },
  };
  return {
    job,
    log,
    followers,
    say(type: StoredEvent["type"]) {
      const event: StoredEvent = { seq: log.length + 1, type, atMs: log.length, data: {} };
      log.push(event);
      for (const tell of followers) tell([event]);
    },
  };
}

interface Read {
  readonly name: string;
  readonly id: number;
}

/** One event of the stream; `undefined` at its end. */
async function readEvent(reader: ReadableStreamDefaultReader<Uint8Array>): Promise<Read | undefined> {
  const { value, done } = await reader.read();
  if (done) return undefined;
  const text = new TextDecoder().decode(value);
  return { id: Number(/^id: (\d+)$/m.exec(text)?.[1]), name: /^event: (.*)$/m.exec(text)?.[1] ?? "" };
}

const open = ({ job, log }: ReturnType<typeof createJob>, after?: number) =>
  followEvents(job, { ...(after === undefined ? {} : { after }), lastSeq: log.length, snapshot: {} }).getReader();

describe("a job's event stream", () => {
  it("gives each event once over five hundred cuts at random moments", async () => {
    const chance = chanceFrom("cuts", 1);
    const world = createJob();
    world.say("queued");
    const seen: number[] = [];
    let last: number | undefined = 0;
    for (let cut = 0; cut < 500; cut += 1) {
      const reader = open(world, last);
      expect(await readEvent(reader)).toEqual({ name: "snapshot", id: last });
      const reads = Math.floor(chance() * 4);
      for (let read = 0; read < reads; read += 1) {
        if (chance() < 0.7) world.say("state");
        if (last === world.log.length) break;
        const event = await readEvent(reader);
        if (event === undefined) throw new Error("the stream ended early");
        last = event.id;
        seen.push(last);
      }
      await reader.cancel();
      if (chance() < 0.5) world.say("state");
    }
    world.say("done");
    const reader = open(world, last);
    for (let event = await readEvent(reader); event !== undefined; event = await readEvent(reader))
      if (event.name !== "snapshot") seen.push(event.id);
    expect(seen).toEqual(world.log.map(({ seq }) => seq));
    expect(seen.length).toBeGreaterThan(400);
    expect(world.followers.size).toBe(0);
  });

  it("begins with the snapshot of now for a reader who is new, and ends with the job", async () => {
    const world = createJob();
    world.say("queued");
    world.say("state");
    const reader = open(world);
    expect(await readEvent(reader)).toEqual({ name: "snapshot", id: 2 });
    world.say("done");
    expect(await readEvent(reader)).toEqual({ name: "done", id: 3 });
    expect(await readEvent(reader)).toBeUndefined();
  });

  it("ends at once, after the snapshot, for a job that is over", async () => {
    const world = createJob();
    world.say("done");
    const reader = open(world);
    expect(await readEvent(reader)).toEqual({ name: "snapshot", id: 1 });
    expect(await readEvent(reader)).toBeUndefined();
  });

  it("cuts a reader off that takes nothing while hundreds of events wait", async () => {
    const world = createJob();
    world.say("queued");
    const reader = open(world);
    for (let event = 0; event < 600; event += 1) world.say("state");
    await settle();
    expect(world.followers.size).toBe(0);
    await reader.cancel();
  });
});
