/** A box cut out of a PNG has the same pixels as before, whatever the file's filters, depth and pieces; what is broken stays broken. */
import { deflateSync } from "node:zlib";
import { createCanvas, loadImage } from "@napi-rs/canvas";
import { describe, expect, it } from "vitest";
import { chanceFrom } from "../../infra/gpu/simulator/chance.ts";
import { drawPicture } from "../../infra/gpu/simulator/draw/draw.ts";
import { verifyPicture } from "../../routing/exports/index.ts";
import { crc32 } from "../../routing/image/crc32.ts";
import { cropPng } from "../../routing/image/png-crop.ts";
import { filterRow } from "../../routing/image/png-rows.ts";
import { streamOf } from "./streams.ts";

type Bytes = Uint8Array<ArrayBuffer>;

function chunk(type: string, data: Uint8Array): Buffer {
  const body = Buffer.concat([Buffer.from(type, "latin1"), data]);
  const framed = Buffer.alloc(body.length + 8);
  framed.writeUInt32BE(data.length);
  framed.set(body, 4);
  framed.writeUInt32BE(crc32(body), body.length + 4);
  return framed;
}

interface Made {
  readonly width: number;
  readonly height: number;
  readonly depth: number;
  readonly colour: number;
  readonly interlace?: number;
}

const CHANNELS: Readonly<Record<number, number>> = { 0: 1, 2: 3, 3: 1, 4: 2, 6: 4 };

/** A PNG of seeded noise with every filter in turn, and its rows. */
function noisePng({ width, height, depth, colour, interlace = 0 }: Made): { file: Bytes; rows: readonly Uint8Array[] } {
  const chance = chanceFrom("noise", width, depth, colour);
  const step = Math.max(1, (depth * (CHANNELS[colour] ?? 1)) >> 3);
  const length = Math.ceil((width * depth * (CHANNELS[colour] ?? 1)) / 8);
  const rows = Array.from({ length: height }, () => Uint8Array.from({ length }, () => chance() * 256));
  const raw = rows.map((row, y) => {
    const line = new Uint8Array(length + 1);
    line[0] = y % 5;
    filterRow({ row, above: rows[y - 1] ?? new Uint8Array(length), filter: y % 5, step }, line.subarray(1));
    return line;
  });
  const header = Buffer.alloc(13);
  header.writeUInt32BE(width);
  header.writeUInt32BE(height, 4);
  header.set([depth, colour, 0, 0, interlace], 8);
  const pixels = deflateSync(Buffer.concat(raw));
  const half = pixels.length >> 1;
  const file = Buffer.concat([
    Buffer.from("89504e470d0a1a0a", "hex"),
    chunk("IHDR", header),
    chunk("pHYs", Buffer.from([0, 0, 11, 19, 0, 0, 11, 19, 1])),
    ...(colour === 3 ? [chunk("PLTE", Buffer.alloc(768, 7))] : []),
    chunk("IDAT", pixels.subarray(0, half)),
    chunk("IDAT", pixels.subarray(half)),
    chunk("tEXt", Buffer.from("Comment\0secret")),
    chunk("IEND", Buffer.alloc(0)),
  ]);
  return { file: new Uint8Array(file), rows };
}

async function bytesOf(stream: ReadableStream<Bytes> | undefined): Promise<Bytes> {
  return new Uint8Array(await new Response(stream).arrayBuffer());
}

async function pixelsOf(file: Uint8Array, box?: { left: number; top: number; width: number; height: number }) {
  const image = await loadImage(file);
  const canvas = createCanvas(image.width, image.height);
  const context = canvas.getContext("2d");
  context.drawImage(image, 0, 0);
  const { left, top, width, height } = box ?? { left: 0, top: 0, width: image.width, height: image.height };
  return Buffer.from(context.getImageData(left, top, width, height).data).toString("base64");
}

const BOX = { left: 13, top: 7, width: 101, height: 64 };

describe("a box cut out of a PNG", () => {
  it.each([
    { depth: 8, colour: 0 },
    { depth: 8, colour: 2 },
    { depth: 8, colour: 3 },
    { depth: 8, colour: 6 },
    { depth: 16, colour: 2 },
  ])("has the same pixels: depth $depth, colour type $colour", async ({ depth, colour }) => {
    const { file } = noisePng({ width: 150, height: 90, depth, colour });
    const cut = await bytesOf(await cropPng(streamOf(file, 1_000), BOX));
    expect(await verifyPicture(streamOf(cut, 777), { format: "png", ...BOX })).toBeUndefined();
    expect(await pixelsOf(cut)).toBe(await pixelsOf(file, BOX));
  });

  it.each([1, 33, 64, 100_000])("is the same however the file comes in (pieces of %i bytes)", async (size) => {
    const { file } = noisePng({ width: 150, height: 90, depth: 8, colour: 6 });
    const whole = await bytesOf(await cropPng(streamOf(file, 1_000_000), BOX));
    const pieces = await bytesOf(await cropPng(streamOf(file, size), BOX));
    expect(await pixelsOf(pieces)).toBe(await pixelsOf(whole));
  });

  it("keeps what stands before the pixels and leaves out what stands behind them", async () => {
    const { file } = noisePng({ width: 150, height: 90, depth: 8, colour: 3 });
    const text = Buffer.from(await bytesOf(await cropPng(streamOf(file, 50), BOX))).toString("latin1");
    expect(["pHYs", "PLTE", "tEXt", "secret"].map((word) => text.includes(word))).toEqual([true, true, false, false]);
  });

  it("is cut out of the simulator's drawings too", async () => {
    const drawn = await drawPicture({
      ...{ prompt: "a lighthouse", seed: 3, width: 320, height: 200, format: "png", look: "detailed", text: [] },
      ...{ version: "v", steps: 20, guidance: 4 },
    });
    const cut = await bytesOf(await cropPng(streamOf(new Uint8Array(drawn), 4_096), BOX));
    expect(await pixelsOf(cut)).toBe(await pixelsOf(drawn, BOX));
  });

  it.each([
    ["interlaced", { depth: 8, colour: 2, interlace: 1 }],
    ["of pixels smaller than a byte", { depth: 4, colour: 0 }],
  ])("is not cut out of one that is %s", async (_what, made) => {
    const { file } = noisePng({ width: 150, height: 90, ...made });
    expect(await cropPng(streamOf(file, 1_000), BOX)).toBeUndefined();
  });

  it.each([
    ["ends early", (file: Bytes) => file.slice(0, file.length - 3_000)],
    ["lacks its end", (file: Bytes) => file.slice(0, file.length - 12)],
    ["is damaged", (file: Bytes) => file.map((byte, at) => (at > 9_000 && at < 9_010 ? byte ^ 0x55 : byte))],
  ])("breaks off where the file %s", async (_what, spoil) => {
    const { file } = noisePng({ width: 150, height: 90, depth: 8, colour: 2 });
    await expect(bytesOf(await cropPng(streamOf(spoil(file), 1_000), BOX))).rejects.toThrow();
  });

  it("stops reading when nobody wants it any more", async () => {
    const { file } = noisePng({ width: 150, height: 900, depth: 8, colour: 6 });
    let cancelled = false;
    let at = 0;
    const source = new ReadableStream<Bytes>({
      pull(controller) {
        controller.enqueue(file.slice(at, at + 1_000));
        at += 1_000;
      },
      cancel: () => {
        cancelled = true;
      },
    });
    const reader = (await cropPng(source, { ...BOX, height: 890 }))?.getReader();
    await reader?.read();
    await reader?.cancel();
    expect(cancelled).toBe(true);
  });
});
