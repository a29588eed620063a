/** What workerd has and Node 24 has not: DigestStream takes bytes and gives the digest at the end; bytes as hex digits. */
export function playWorkerd(): void {
  Object.assign(Uint8Array.prototype, {
    toHex(this: Uint8Array) {
      return Buffer.from(this).toString("hex");
    },
  });
  Object.assign(crypto, {
    DigestStream: class {
      readonly #parts: Uint8Array<ArrayBuffer>[] = [];
      readonly #digest = Promise.withResolvers<ArrayBuffer>();
      readonly digest = this.#digest.promise;
      getWriter() {
        return {
          write: async (bytes: Uint8Array) => void this.#parts.push(new Uint8Array(bytes)),
          close: async () =>
            this.#digest.resolve(crypto.subtle.digest("SHA-256", await new Blob(this.#parts).arrayBuffer())),
        };
      }
    },
  });
}
