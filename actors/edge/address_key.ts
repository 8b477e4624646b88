/**
 * What counts as one client address: whoever has one IPv6 address usually has a whole /64.
 *
 * @module
 */

/**
 * The text by which connections of one address are counted: an IPv4 address as it is, also when a
 * socket of both families shows it as `::ffff:a.b.c.d`; the first 64 bits of an IPv6 address.
 *
 * @param hostname An address as `Deno.NetAddr` has it, without brackets.
 */
export function addressKey(hostname: string): string {
  if (!hostname.includes(":")) return hostname;
  const dotted = hostname.slice(hostname.lastIndexOf(":") + 1);
  if (dotted.includes(".")) return dotted;
  const [head, tail] = hostname.split("%")[0].toLowerCase().split("::");
  const front = head === "" ? [] : head.split(":");
  const back = tail === undefined || tail === "" ? [] : tail.split(":");
  const zeros = tail === undefined ? 0 : 8 - front.length - back.length;
  const groups = [...front, ...new Array<string>(Math.max(0, zeros)).fill("0"), ...back];
  return groups.slice(0, 4).map((group) => group.replace(/^0+(?=.)/, "")).join(":") + "::/64";
}
