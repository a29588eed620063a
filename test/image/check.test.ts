import { describe, expect, it } from "vitest";
import { checkPicture, type PictureCheck } from "../../routing/image/check.ts";
import { flat, picture } from "./drawings.ts";

const size = { width: 200, height: 120 };
const png = picture("png", size);

const check = (changes: Partial<PictureCheck>) => checkPicture({ head: png, whole: true, expected: size, ...changes });
const text = (words: string) => new TextEncoder().encode(words);
const bad = (defect: string) => ({ ok: false, failure: { reason: "bad_picture", defect } });

describe("checking a picture", () => {
  it("passes a sound one and tells its format and size", async () => {
    for (const format of ["png", "jpeg", "webp"] as const) {
      const head = picture(format, size);
      expect(await check({ head, format })).toEqual({ ok: true, value: { format, ...size } });
    }
  });

  it("passes the head of one that streams, without asking for its end", async () => {
    expect(await check({ head: png.subarray(0, 100), whole: false })).toMatchObject({ ok: true });
    expect(await check({ head: png.subarray(0, 100), whole: true })).toEqual(bad("truncated"));
  });

  it("names a picture cut within its header truncated, and nothing at all no picture", async () => {
    expect(await check({ head: png.subarray(0, 20) })).toEqual(bad("truncated"));
    expect(await check({ head: new Uint8Array(0) })).toEqual(bad("not_a_picture"));
    expect(await check({ head: new Uint8Array(0), whole: false })).toEqual(bad("not_a_picture"));
  });

  it("compares the size only when one was asked for", async () => {
    expect(await check({ expected: { width: 200, height: 121 } })).toEqual(bad("wrong_dimensions"));
    expect(await check({ expected: { width: 201, height: 120 } })).toEqual(bad("wrong_dimensions"));
    expect(await checkPicture({ head: png, whole: true })).toMatchObject({ ok: true });
  });

  it("compares the format only when one was asked for", async () => {
    expect(await check({ format: "webp" })).toEqual(bad("wrong_format"));
    expect(await check({ format: "png" })).toMatchObject({ ok: true });
  });

  it("refuses a blank picture when it is whole", async () => {
    const black = picture("png", size, flat("#000"));
    expect(await check({ head: black })).toEqual(bad("blank"));
    expect(await check({ head: black, whole: false })).toMatchObject({ ok: true });
  });

  it("names what came in a picture's place", async () => {
    expect(await check({ head: text("<!doctype html>") })).toEqual({
      ok: false,
      failure: { reason: "bad_response", defect: "html" },
    });
    expect(await check({ head: text('{"error":"no"}') })).toEqual({
      ok: false,
      failure: { reason: "bad_response", defect: "unexpected_type" },
    });
    expect(await check({ head: text("GIF89a......") })).toEqual(bad("wrong_format"));
    expect(await check({ head: text("<svg/>") })).toEqual(bad("wrong_format"));
    expect(await check({ head: text("nothing like it") })).toEqual(bad("not_a_picture"));
  });
});
