import { createCanvas } from "@napi-rs/canvas";
import { describe, expect, it } from "vitest";
import { chanceFrom } from "../../infra/gpu/simulator/chance.ts";
import { encodePng } from "../../infra/gpu/simulator/draw/png.ts";
import { pixelsOf } from "./look.ts";

describe("the PNG writer", () => {
  it.each([
    [1, 1],
    [3, 2],
    [257, 65],
  ])("writes %i × %i pixels that another decoder reads back as they were", async (width, height) => {
    const chance = chanceFrom("png", width);
    const data = createCanvas(width, height).getContext("2d").createImageData(width, height).data;
    for (let at = 0; at < data.length; at += 1) data[at] = at % 4 === 3 ? 255 : Math.floor(chance() * 256);
    const read = await pixelsOf(await encodePng({ width, height, data }));
    expect([read.width, read.height]).toEqual([width, height]);
    expect(Buffer.from(read.data)).toEqual(Buffer.from(data));
  });
});
