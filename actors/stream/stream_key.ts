/**
 * How streams are told apart inside the node: one string of application and name.
 *
 * @module
 */

export interface StreamName {
  /** First path element; "-" when the path had only one. */
  readonly app: string;
  /** The rest of the path; may contain slashes. */
  readonly name: string;
}

/** The stream's key; unambiguous because an application never contains a slash. */
export function streamKey({ app, name }: StreamName): string {
  return `${app}/${name}`;
}

/** The inverse of {@link streamKey}. */
export function streamNameOf(key: string): StreamName {
  const slash = key.indexOf("/");
  return { app: key.slice(0, slash), name: key.slice(slash + 1) };
}
