import { describe, expect, it } from "vitest";
import { HEARTBEAT_MS, type ServerEvent, writeEvents } from "../../../functions/router/streaming/event-stream.ts";
import { createFakeClock, settle } from "../../support/fake-clock.ts";

/** A writer under test, its clock, the events that the test sends, and what the client has read so far. */
function open() {
  const clock = createFakeClock();
  const { readable, writable } = new TransformStream<Uint8Array, Uint8Array>();
  const queue: ServerEvent[] = [];
  let wake = Promise.withResolvers<void>();
  let isOver = false;
  let returned = false;
  async function* source(): AsyncGenerator<ServerEvent> {
    try {
      for (;;) {
        for (let event = queue.shift(); event !== undefined; event = queue.shift()) yield event;
        if (isOver) return;
        await wake.promise;
        wake = Promise.withResolvers();
      }
    } finally {
      returned = true;
    }
  }
  let gone = 0;
  const finished = writeEvents(source(), writable, {
    clock,
    onGone: () => {
      gone += 1;
      isOver = true;
      wake.resolve();
    },
  });
  let text = "";
  const reader = readable.getReader();
  const decoder = new TextDecoder();
  const reading = (async () => {
    for (let read = await reader.read(); !read.done; read = await reader.read()) text += decoder.decode(read.value);
  })().catch(() => undefined);
  return {
    clock,
    finished,
    reading,
    leave: () => reader.cancel("left"),
    send(event: ServerEvent) {
      queue.push(event);
      wake.resolve();
    },
    end() {
      isOver = true;
      wake.resolve();
    },
    async text() {
      await settle();
      return text;
    },
    gone: () => gone,
    returned: () => returned,
  };
}

describe("an event stream", () => {
  it("writes named and nameless events, each on its own lines", async () => {
    const stream = open();
    stream.send({ name: "picture", data: ['{"a":', "1}"] });
    stream.send({ data: ["[DONE]"] });
    stream.end();
    await stream.finished;
    await stream.reading;
    expect(await stream.text()).toBe('event: picture\ndata: {"a":1}\n\ndata: [DONE]\n\n');
    expect(stream.gone()).toBe(0);
  });

  it("breaks every silence of fifteen seconds with a comment, and none that is shorter", async () => {
    const stream = open();
    await stream.clock.advance(HEARTBEAT_MS - 1);
    expect(await stream.text()).toBe("");
    await stream.clock.advance(1);
    expect(await stream.text()).toBe(": ping\n\n");
    await stream.clock.advance(HEARTBEAT_MS);
    expect(await stream.text()).toBe(": ping\n\n: ping\n\n");
  });

  it("counts the silence from the last event", async () => {
    const stream = open();
    await stream.clock.advance(HEARTBEAT_MS - 1);
    stream.send({ data: ["1"] });
    await settle();
    await stream.clock.advance(HEARTBEAT_MS - 1);
    expect(await stream.text()).toBe("data: 1\n\n");
    await stream.clock.advance(1);
    expect(await stream.text()).toBe("data: 1\n\n: ping\n\n");
  });

  it("leaves no heartbeat behind when it ends", async () => {
    const stream = open();
    stream.end();
    await stream.finished;
    await settle();
    expect(stream.clock.sleeping()).toBe(0);
  });

  it("says so and ends its source when the client leaves, which a heartbeat finds out", async () => {
    const stream = open();
    await stream.leave();
    expect(stream.gone()).toBe(0);
    const failed = expect(stream.finished).rejects.toBeDefined();
    await stream.clock.advance(HEARTBEAT_MS);
    await failed;
    expect(stream.gone()).toBe(1);
    expect(stream.returned()).toBe(true);
  });

  it("never ends well when a picture breaks off inside an event", async () => {
    const stream = open();
    const body = new ReadableStream<Uint8Array<ArrayBuffer>>({
      pull: (controller) => controller.error(new TypeError("Network connection lost.")),
    });
    stream.send({ data: ['{"b64_json":"', { format: "png", width: 1, height: 1, body }, '"}'] });
    await expect(stream.finished).rejects.toBeDefined();
    expect(stream.gone()).toBe(1);
    expect(await stream.text()).not.toContain('"}');
  });
});
