/**
 * The rows of a PNG out of its inflated bytes, as they come: the five row filters undone (PNG specification, 3rd edition, section 9), and
 * put on again. Keeps two rows; not for interlaced pictures.
 */

export interface RowLayout {
  /** px. */
  readonly width: number;
  /** Bits a pixel: depth × channels. */
  readonly pixelBits: number;
}

/** Samples a pixel of each PNG colour type. */
export const PNG_CHANNELS: Readonly<Record<number, number>> = { 0: 1, 2: 3, 3: 1, 4: 2, 6: 4 };

/** Bytes of one row without its filter byte. */
export function rowBytes(layout: RowLayout): number {
  return Math.ceil((layout.width * layout.pixelBits) / 8);
}

/** Bytes between a byte and its left neighbour's, as the filters count them. */
export function filterStep(layout: RowLayout): number {
  return Math.max(1, layout.pixelBits >> 3);
}

/** Takes a row without its filter; the bytes are good only for the call. `filter`: the one that it had. `false` stops. */
export type OnRow = (row: Uint8Array, filter: number) => boolean;

/** `push` is true until `onRow` says otherwise; an unknown filter byte stops as well. */
export function createRowReader(layout: RowLayout, onRow: OnRow): { push(bytes: Uint8Array): boolean } {
  const length = rowBytes(layout);
  const step = filterStep(layout);
  let above = new Uint8Array(length);
  let row = new Uint8Array(length);
  let filter = -1;
  let filled = 0;
  return {
    push(bytes) {
      for (let at = 0; at < bytes.length; ) {
        if (filter < 0) {
          filter = bytes[at++] as number;
          if (filter > 4) return false;
          continue;
        }
        const taken = Math.min(length - filled, bytes.length - at);
        row.set(bytes.subarray(at, at + taken), filled);
        at += taken;
        filled += taken;
        if (filled < length) continue;
        unfilter({ row, above, filter, step });
        if (!onRow(row, filter)) return false;
        [row, above] = [above, row];
        filter = -1;
        filled = 0;
      }
      return true;
    },
  };
}

/** Do all rows show one colour? `tolerance`: largest difference of a byte from the first pixel's that still counts; 0 for palettes. */
export function createFlatness(layout: RowLayout, tolerance: number): OnRow {
  const length = rowBytes(layout);
  const step = filterStep(layout);
  // The last byte of a row may be padding.
  const full = (layout.width * layout.pixelBits) % 8 === 0 ? length : length - 1;
  let first: Uint8Array | undefined;
  return (row) => {
    first ??= firstPixel(row, layout.pixelBits);
    for (let i = 0; i < full; i++) {
      if (Math.abs((row[i] as number) - (first[i % step] as number)) > tolerance) return false;
    }
    return true;
  };
}

/** The first pixel as bytes to compare with; of pixels smaller than a byte, a byte full of them. */
function firstPixel(row: Uint8Array, pixelBits: number): Uint8Array {
  if (pixelBits >= 8) return row.slice(0, pixelBits >> 3);
  const pixel = (row[0] as number) >> (8 - pixelBits);
  let byte = 0;
  for (let bits = 0; bits < 8; bits += pixelBits) byte = (byte << pixelBits) | pixel;
  return Uint8Array.of(byte);
}

export interface Filtering {
  readonly row: Uint8Array;
  /** The row before, without its filter; zeros before the first. */
  readonly above: Uint8Array;
  /** 0…4. */
  readonly filter: number;
  /** `filterStep`. */
  readonly step: number;
}

/** Changes `row` in place. */
function unfilter({ row, above, filter, step }: Filtering): void {
  if (filter === 0) return;
  for (let i = 0; i < row.length; i++) {
    const left = i < step ? 0 : (row[i - step] as number);
    const up = above[i] as number;
    const upLeft = i < step ? 0 : (above[i - step] as number);
    row[i] = (row[i] as number) + predicted(filter, left, up, upLeft);
  }
}

/** Writes the filtered row to `into`. */
export function filterRow({ row, above, filter, step }: Filtering, into: Uint8Array): void {
  for (let i = 0; i < row.length; i++) {
    const left = i < step ? 0 : (row[i - step] as number);
    const up = above[i] as number;
    const upLeft = i < step ? 0 : (above[i - step] as number);
    into[i] = (row[i] as number) - predicted(filter, left, up, upLeft);
  }
}

function predicted(filter: number, left: number, up: number, upLeft: number): number {
  if (filter === 0) return 0;
  if (filter === 1) return left;
  if (filter === 2) return up;
  if (filter === 3) return (left + up) >> 1;
  const estimate = left + up - upLeft;
  const toLeft = Math.abs(estimate - left);
  const toUp = Math.abs(estimate - up);
  const toUpLeft = Math.abs(estimate - upLeft);
  if (toLeft <= toUp && toLeft <= toUpLeft) return left;
  return toUp <= toUpLeft ? up : upLeft;
}
