/**
 * Where the repository lies.
 *
 * @module
 */

/** The path of a `file:` URL. */
export function fromFileUrl(url: URL): string {
  return decodeURIComponent(url.pathname);
}

/** The repository's top folder, without a trailing slash. */
export const REPOSITORY = fromFileUrl(new URL("../..", import.meta.url)).replace(/\/$/, "");
