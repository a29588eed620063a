/**
 * Do the rows of a PNG all show one colour? Fed with inflated bytes as they come; says "varied" at the first pixel that differs.
 *
 * Undoes the five row filters (PNG specification, 3rd edition, section 9). Keeps two rows; not for interlaced pictures.
 */

export interface RowLayout {
  /** px. */
  readonly width: number;
  /** Bits a pixel: depth × channels. */
  readonly pixelBits: number;
  /** Largest difference of a byte from the first pixel's that still counts as the same colour. 0 for palettes. */
  readonly tolerance: number;
}

/** Bytes of one row without its filter byte. */
export function rowBytes(layout: RowLayout): number {
  return Math.ceil((layout.width * layout.pixelBits) / 8);
}

/** `push` is true while every pixel so far has the first one's colour. An unknown filter byte counts as a difference. */
export function createFlatRows(layout: RowLayout): { push(bytes: Uint8Array): boolean } {
  const length = rowBytes(layout);
  const pixelBytes = Math.max(1, layout.pixelBits >> 3);
  let above = new Uint8Array(length);
  let row = new Uint8Array(length);
  let first: Uint8Array | undefined;
  let filter = -1;
  let filled = 0;

  function isFlat(): boolean {
    first ??= firstPixel(row, layout.pixelBits);
    const padded = (layout.width * layout.pixelBits) % 8 !== 0;
    const full = padded ? length - 1 : length;
    for (let i = 0; i < full; i++) {
      if (Math.abs((row[i] as number) - (first[i % pixelBytes] as number)) > layout.tolerance) return false;
    }
    return true;
  }

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
        unfilter({ row, above, filter, pixelBytes });
        if (!isFlat()) return false;
        [row, above] = [above, row];
        filter = -1;
        filled = 0;
      }
      return true;
    },
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

interface Filtered {
  /** Changed in place. */
  readonly row: Uint8Array;
  readonly above: Uint8Array;
  readonly filter: number;
  readonly pixelBytes: number;
}

function unfilter({ row, above, filter, pixelBytes }: Filtered): void {
  if (filter === 0) return;
  for (let i = 0; i < row.length; i++) {
    const left = i < pixelBytes ? 0 : (row[i - pixelBytes] as number);
    const up = above[i] as number;
    const upLeft = i < pixelBytes ? 0 : (above[i - pixelBytes] as number);
    row[i] = (row[i] as number) + predicted(filter, left, up, upLeft);
  }
}

function predicted(filter: number, left: number, up: number, upLeft: number): number {
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
