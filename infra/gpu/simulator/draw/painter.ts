/**
 * Keeps the last pictures, so that equal work is drawn once. State: one bounded map a process part; the oldest go first.
 */
import { drawElsewhere } from "./easel.ts";
import { pictureKey } from "./key.ts";
import type { PictureSpec } from "./picture.ts";

/** Draws pictures, equal ones once. */
export interface Painter {
  /** The encoded picture; callers must not change the bytes. */
  paint(spec: PictureSpec): Promise<Uint8Array<ArrayBuffer>>;
}

/** `maxBytes`: encoded pictures kept, default 64 MiB. */
export function createPainter(maxBytes = 64 * 1024 * 1024): Painter {
  const kept = new Map<string, { readonly picture: Promise<Uint8Array<ArrayBuffer>>; bytes: number }>();
  let keptBytes = 0;

  const trim = (): void => {
    for (const [key, entry] of kept) {
      if (keptBytes <= maxBytes) return;
      kept.delete(key);
      keptBytes -= entry.bytes;
    }
  };

  return {
    paint(spec) {
      const key = pictureKey(spec);
      const known = kept.get(key);
      if (known) {
        kept.delete(key);
        kept.set(key, known);
        return known.picture;
      }
      const picture = drawElsewhere(spec);
      const entry = { picture, bytes: 0 };
      kept.set(key, entry);
      picture.then(
        (bytes) => {
          if (kept.get(key) !== entry) return;
          entry.bytes = bytes.byteLength;
          keptBytes += entry.bytes;
          trim();
        },
        () => kept.delete(key),
      );
      return picture;
    },
  };
}
