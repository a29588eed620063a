/**
 * Real pictures for tests, drawn and encoded by @napi-rs/canvas, and a few that it cannot make (progressive, interlaced, palette),
 * encoded once by sharp 0.35.5 from an SVG circle or a flat colour.
 */
import { type Canvas, createCanvas, type SKRSContext2D } from "@napi-rs/canvas";
import type { PictureFormat } from "../../routing/image/request.ts";

export interface Size {
  readonly width: number;
  readonly height: number;
}

export type Draw = (context: SKRSContext2D, size: Size) => void;

/** A drawing on white with some of everything; different for each seed. */
export const scene: Draw = (context, { width, height }) => {
  const gradient = context.createLinearGradient(0, 0, width, height);
  gradient.addColorStop(0, "#204060");
  gradient.addColorStop(1, "#f0b070");
  context.fillStyle = gradient;
  context.fillRect(0, 0, width, height);
  for (let i = 0; i < 40; i++) {
    context.fillStyle = `rgb(${(i * 53) % 256}, ${(i * 97) % 256}, ${(i * 31) % 256})`;
    context.fillRect((i * 37) % width, (i * 71) % height, 3 + (i % 17), 3 + (i % 11));
  }
};

export const flat =
  (colour: string): Draw =>
  (context, { width, height }) => {
    context.fillStyle = colour;
    context.fillRect(0, 0, width, height);
  };

export const halves: Draw = (context, size) => {
  flat("#fff")(context, size);
  context.fillStyle = "#000";
  context.fillRect(0, 0, size.width, size.height / 2);
};

/** One dot on white: the emptiest drawing somebody could ask for. */
export const dot: Draw = (context, size) => {
  flat("#fff")(context, size);
  context.fillStyle = "#000";
  context.beginPath();
  context.arc(size.width * 0.55, size.height * 0.51, Math.max(2, size.width / 60), 0, 7);
  context.fill();
};

export const gradient: Draw = (context, { width, height }) => {
  const fill = context.createLinearGradient(0, 0, 0, height);
  fill.addColorStop(0, "#102030");
  fill.addColorStop(1, "#405060");
  context.fillStyle = fill;
  context.fillRect(0, 0, width, height);
};

export function canvas(size: Size, draw: Draw): Canvas {
  const made = createCanvas(size.width, size.height);
  draw(made.getContext("2d"), size);
  return made;
}

export function encode(made: Canvas, format: PictureFormat, quality = 80): Uint8Array<ArrayBuffer> {
  if (format === "png") return new Uint8Array(made.toBuffer("image/png"));
  return new Uint8Array(
    format === "jpeg" ? made.toBuffer("image/jpeg", quality) : made.toBuffer("image/webp", quality),
  );
}

export function picture(format: PictureFormat, size: Size, draw: Draw = scene): Uint8Array<ArrayBuffer> {
  return encode(canvas(size, draw), format);
}

const fromBase64 = (text: string): Uint8Array<ArrayBuffer> => new Uint8Array(Buffer.from(text, "base64"));

/** 64 × 64, three-component progressive JPEG. */
export const progressiveJpeg = fromBase64(
  "/9j/2wBDABQODxIPDRQSEBIXFRQYHjIhHhwcHj0sLiQySUBMS0dARkVQWnNiUFVtVkVGZIhlbXd7gYKBTmCNl4x9lnN+gXz/2wBDARUXFx4aHj" +
    "shITt8U0ZTfHx8fHx8fHx8fHx8fHx8fHx8fHx8fHx8fHx8fHx8fHx8fHx8fHx8fHx8fHx8fHx8fHz/wgARCABAAEADASIAAhEBAxEB/8QAGAAB" +
    "AQEBAQAAAAAAAAAAAAAAAAUBBAP/xAAYAQEAAwEAAAAAAAAAAAAAAAAAAQIDBP/aAAwDAQACEAMQAAABsNGOaZXS4k1pqamoETzMu5TmUJz7xp" +
    "ygSOe3wU6eOv59k0C2Jg1g1g1g/8QAHxAAAgEEAgMAAAAAAAAAAAAAAQIDAAQSIBARMDFA/9oACAEBAAEFAvFNLhRYmo5ip96ucn4tj2m9rrMu" +
    "L8QrimjqHBt2qODE/H//xAAcEQABBAMBAAAAAAAAAAAAAAACAAEDERAgITL/2gAIAQMBAT8BQxuSIXHSTzkJGrqkO+Nt/8QAFxEBAQEBAAAAAA" +
    "AAAAAAAAAAAQAgEP/aAAgBAgEBPwGWHB1INf/EAB8QAAEDAwUAAAAAAAAAAAAAAAEAESECIDAQMUBRcf/aAAgBAQAGPwLEw3UlTIuJ1brBVb7g" +
    "YqCE9U8T/8QAIBAAAgIBBAMBAAAAAAAAAAAAAREAURAgITFBMHGBof/aAAgBAQABPyFCohUQqIVEKiFRCohWUez+QmyExGI0wEACNwdPvLLQu2" +
    "k8nPD40v63DK98nc6koR3AgWDDrryMXGLjFxi4xcYuMXGLn//aAAwDAQACAAMAAAAQ87984IT88MU88888/8QAGhEBAAIDAQAAAAAAAAAAAAAA" +
    "AQARECAhMf/aAAgBAwEBPxCEX5HO5CiiG1lFF2BtP//EABoRAAIDAQEAAAAAAAAAAAAAAAABESAhEDH/2gAIAQIBAT8QEoQ6e+tnCLXb/8QAIx" +
    "ABAAEDBAICAwAAAAAAAAAAAQARYZEQIDFBIXFRsTDB0f/aAAgBAQABPxC0xLTEtMS0xLTEtMS0xLTGtJop1K9PmXj8sLdgJqnqOWAqJ3td15Qe" +
    "jwaqqq0j0+f7seGFCeRTUNXqo+9qrDz1vs1Uxo9L4r1tXFU5E5G0t3S1GFDeUDg/v8lpmWmZaZlpmWmZaZlpmWmZ/9k=",
);

/** 128 × 96, black, progressive JPEG. */
export const blackProgressiveJpeg = fromBase64(
  "/9j/2wBDAAYEBQYFBAYGBQYHBwYIChAKCgkJChQODwwQFxQYGBcUFhYaHSUfGhsjHBYWICwgIyYnKSopGR8tMC0oMCUoKSj/2wBDAQcHBwoICh" +
    "MKChMoGhYaKCgoKCgoKCgoKCgoKCgoKCgoKCgoKCgoKCgoKCgoKCgoKCgoKCgoKCgoKCgoKCgoKCj/wgARCABgAIADASIAAhEBAxEB/8QAFQAB" +
    "AQAAAAAAAAAAAAAAAAAAAAf/xAAUAQEAAAAAAAAAAAAAAAAAAAAA/9oADAMBAAIQAxAAAAGUgAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA" +
    "AAAAAAAAAA/8QAFBABAAAAAAAAAAAAAAAAAAAAcP/aAAgBAQABBQJA/8QAFBEBAAAAAAAAAAAAAAAAAAAAUP/aAAgBAwEBPwFD/8QAFBEBAAAA" +
    "AAAAAAAAAAAAAAAAUP/aAAgBAgEBPwFD/8QAFBABAAAAAAAAAAAAAAAAAAAAcP/aAAgBAQAGPwJA/8QAFBABAAAAAAAAAAAAAAAAAAAAcP/aAA" +
    "gBAQABPyFA/9oADAMBAAIAAwAAABDzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzz/xAAUEQEAAAAAAAAAAAAAAAAAAABQ/9oA" +
    "CAEDAQE/EEP/xAAUEQEAAAAAAAAAAAAAAAAAAABQ/9oACAECAQE/EEP/xAAUEAEAAAAAAAAAAAAAAAAAAABw/9oACAEBAAE/EED/2Q==",
);

/** 64 × 64, interlaced PNG. */
export const interlacedPng = fromBase64(
  "iVBORw0KGgoAAAANSUhEUgAAAEAAAABABAMAAAEvQFx7AAAAMFBMVEX+/v7MMzP////+/PzKKSnLLy/OODjTTU3YYWH77u7yysr33d3ttbXddX" +
    "Xii4voo6Oo80kIAAAAAXRSTlPg4Ow6HgAAAAlwSFlzAAALEwAACxMBAJqcGAAAActJREFUSInllL9KA0EQxu8VPsklBlS42SiJEcUDCxvBNFqI" +
    "cAgqWogBG8EiiKBgY4gvEAtrU2hh5TWCXUSwjoi9Cj6A+ACyu/dn724vIUWwcIpl7rffzszOLGcY3Ig+yCArQwadgQxq88UaIoOIvEXqivwTfA" +
    "N532tHdHzxnDIgnStgSDg1IC8cC6hIsVWNnZIm83FTt25s6YwjJ52Ol4IBqAoCPzKAtehWDWgKZxamF7DT0menVKcHmHeAugoWAeAzBAX+jbEQ" +
    "fAmQCUFNAPMiAG9xRUGA0RAwkaWupJ2St+6n9P5AwqjnEdKDheNWBBQBs6kC3pBtBUzvBu2gsB/ZlwCwd9GgSqjgJ4AtOwCiYTgIQMkRYJhiIE" +
    "epCorHIKkYCQDrxOuYQ2xQRTFaW7mtCEEKmADwGOnYNeRdBzVbGgD4a8GzA5inqYLykZgMNlxbKyg15D6wqRfc+fsw95lGMLkXCAA3KbAv5XOS" +
    "IQ41gh/5iKXtsISAvSqC7HIyQsm7o7Slpt2/oIHuKexIkavJIu17R7nmSTIC438u3zItXaufwhJWdK1mYa/XXf24Z/wqvtMeTPlcDNvt8uTYw6" +
    "36FpICjf0XgdHDfgGIDBptM4sM2QAAAABJRU5ErkJggg==",
);

/** 64 × 64, PNG of two bits a pixel with a palette. */
export const palettePng = fromBase64(
  "iVBORw0KGgoAAAANSUhEUgAAAEAAAABAAgMAAADXB5lNAAAADFBMVEX99/fNNDT////llZV6X2TUAAAAAXRSTlPnfoivvQAAAAlwSFlzAAALEw" +
    "AACxMBAJqcGAAAALpJREFUOI3t0rENAjEMBdAswRKMQonuE4mCISjpKRniCqTIpxNVRskSjECFnFzixCcOaKhwEUWvsGPHxuggFeaXcMOjhQDb" +
    "QA9gU8MZwLaGFYCuBnCQwBDhLsA5c1bDxxjhJMBFchnDh49wEOCqwE5DJxAi2LeAAg4vYP09UKkyg/Dhw+xCt17Pw2u4RtgvDHnQ/+KkFUpfyQ" +
    "+Z9iGBL0UowVhyUgJXUtC0Uhcc2x2TbTT58ocY83noeAIxjU7McjoIQgAAAABJRU5ErkJggg==",
);

/** 128 × 96, black, PNG of one bit a pixel with a palette. */
export const blackPalettePng = fromBase64(
  "iVBORw0KGgoAAAANSUhEUgAAAIAAAABgCAMAAADipIp7AAAAA1BMVEUAAACnej3aAAAACXBIWXMAAAPoAAAD6AG1e1JrAAAAIklEQVRoge3BAQ" +
    "EAAACCIP+vbkhAAQAAAAAAAAAAAAAA7wYwYAAB9UGO1QAAAABJRU5ErkJggg==",
);
