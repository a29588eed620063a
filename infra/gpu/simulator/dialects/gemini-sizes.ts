/** Sizes of Gemini's image models (providers' own table: 1K per ratio; 2K and 4K are twice and four times, 512 half of it). */

/** Pixels. */
export interface Size {
  readonly width: number;
  readonly height: number;
}

const size = (width: number, height: number): Size => ({ width, height });

/** gemini-2.5-flash-image: one size a ratio. */
const FLASH: Readonly<Record<string, Size>> = {
  "1:1": size(1024, 1024),
  "2:3": size(832, 1248),
  "3:2": size(1248, 832),
  "3:4": size(864, 1184),
  "4:3": size(1184, 864),
  "4:5": size(896, 1152),
  "5:4": size(1152, 896),
  "9:16": size(768, 1344),
  "16:9": size(1344, 768),
  "21:9": size(1536, 672),
};

const ONE_K: Readonly<Record<string, Size>> = {
  "1:1": size(1024, 1024),
  "2:3": size(848, 1264),
  "3:2": size(1264, 848),
  "3:4": size(896, 1200),
  "4:3": size(1200, 896),
  "4:5": size(928, 1152),
  "5:4": size(1152, 928),
  "9:16": size(768, 1376),
  "16:9": size(1376, 768),
  "21:9": size(1584, 672),
};

/** Only the models with 14 ratios. */
const LONG: Readonly<Record<string, Size>> = {
  "1:4": size(512, 2048),
  "4:1": size(2048, 512),
  "1:8": size(384, 3072),
  "8:1": size(3072, 384),
};

const SCALE: Readonly<Record<string, number>> = { "512": 0.5, "1K": 1, "2K": 2, "4K": 4 };

/** The picture's size in px; a string says what is wrong with the request. */
export function geminiSize(model: string, ratio: string | undefined, imageSize: string | undefined): Size | string {
  const isFlash25 = model.includes("2.5-flash");
  const takesLong = model.includes("3.1-flash-image") || model.includes("nano-banana-2.1");
  const table = isFlash25 ? FLASH : takesLong ? { ...ONE_K, ...LONG } : ONE_K;
  const base = table[ratio ?? "1:1"];
  if (!base) return `Invalid value at 'generation_config.image_config.aspect_ratio': ${JSON.stringify(ratio)}`;
  if (isFlash25) return base;
  const scale = SCALE[imageSize ?? "1K"];
  const takes512 = model.includes("3.1-flash-image");
  const liteOnly1K = model.includes("lite") && scale !== 1;
  if (scale === undefined || (scale === 0.5 && !takes512) || liteOnly1K) {
    return `Invalid value at 'generation_config.image_config.image_size': ${JSON.stringify(imageSize)}`;
  }
  return { width: base.width * scale, height: base.height * scale };
}
