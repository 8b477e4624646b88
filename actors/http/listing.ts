/**
 * Lists of the HTTP API: `?limit` and `?cursor` in, one page out.
 *
 * A cursor is the key of the last item seen, base64url, so that it needs no state and stays good
 * while items come and go. Clients must treat it as opaque.
 *
 * @module
 */
import { z } from "@hono/zod-openapi";
import { type Page, PAGE_ITEMS_MAX, type PageRequest } from "./node_view.ts";

/** Items in a page when the client does not say. */
export const PAGE_ITEMS_DEFAULT = 100;

/** Longest cursor, in characters: a stream's key fills at most one HTTP head line. */
const CURSOR_CHARS_MAX = 8_192;

/** The query of a list. */
export const pageQuery = z.object({
  // By hand and not by coercion, which would take "", "0x10" and "1e2" for numbers.
  limit: z.string().regex(/^[0-9]{1,4}$/, "must be a number").transform(Number)
    .pipe(
      z.int().min(1, "must be at least 1").max(PAGE_ITEMS_MAX, `must be at most ${PAGE_ITEMS_MAX}`),
    )
    .optional()
    .openapi({
      type: "integer",
      minimum: 1,
      maximum: PAGE_ITEMS_MAX,
      default: PAGE_ITEMS_DEFAULT,
      description: "Most items in the answer",
    }),
  cursor: z.string().max(CURSOR_CHARS_MAX, "must be a cursor from an earlier answer")
    .transform((text, context) => {
      const key = decodeCursor(text);
      if (key !== undefined) return key;
      context.addIssue({ code: "custom", message: "must be a cursor from an earlier answer" });
      return z.NEVER;
    })
    .optional()
    .openapi({ type: "string", description: "`next` of the page before" }),
});

/** The shape of a list's answer. */
export function listOf<T extends z.ZodType>(item: T, name: string) {
  return z.object({
    items: z.array(item).readonly(),
    next: z.string().nullable().openapi({
      description: "Cursor of the next page; null at the end",
    }),
  }).openapi(name);
}

/** What a list's query asks of the node. */
export function pageRequest(query: z.infer<typeof pageQuery>): PageRequest {
  return { limit: query.limit ?? PAGE_ITEMS_DEFAULT, after: query.cursor };
}

/** A list's answer. */
export function pageAnswer<T>(page: Page<T>): { items: readonly T[]; next: string | null } {
  return { items: page.items, next: page.next === null ? null : encodeCursor(page.next) };
}

function encodeCursor(key: string): string {
  return new TextEncoder().encode(key).toBase64({ alphabet: "base64url", omitPadding: true });
}

function decodeCursor(text: string): string | undefined {
  try {
    const bytes = Uint8Array.fromBase64(text, { alphabet: "base64url" });
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    return undefined; // Neither error says more than "not one of our cursors".
  }
}
