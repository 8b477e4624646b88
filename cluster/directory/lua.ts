/**
 * What Redis does at once: the directory's scripts.
 *
 * Redis runs one script at a time, so each is a transaction. Every script touches keys of a single
 * slot. Numbers leave as text with all their digits: microseconds need sixteen, which Lua's
 * numbers hold exactly until the year 2255, but does not print. `member_table.ts` and
 * `claim_table.ts` do the same in memory; a differential test holds them together.
 *
 * @module
 */
import {
  DEAD_KEPT_MS,
  DEAD_MAX,
  MEMBERS_MAX,
  OWNED_KEPT_MS,
  PULSE_GAP_MS_MAX,
  RELEASED_KEPT_MS,
  TIMELINE_KEPT_MS,
} from "./checks.ts";

/** Changes of the view that stay readable to operators. */
const EVENTS_MAX = 10_000;

/** What the scripts are called as commands of the client. */
export type ScriptName =
  | "hwJoin"
  | "hwRenew"
  | "hwMembers"
  | "hwIsDead"
  | "hwSetState"
  | "hwSuspect"
  | "hwLeave"
  | "hwSecret"
  | "hwClaim"
  | "hwReassert"
  | "hwRelease"
  | "hwTimeline";

/** Every script reads Redis's clock: microseconds `us`, milliseconds `now`. */
const CLOCK = `
local time = redis.call('TIME')
local us = time[1] * 1000000 + time[2]
local now = math.floor(us / 1000)
local function digits(number) return string.format('%.0f', number) end
`;

/**
 * Opens every script about members. KEYS 1 to 7 are those of ControlKeys, in that order; 8 is the
 * lease and 9 the votes of the node that the script is about. Notes in the pulse that somebody
 * asked, and since when it is known that nobody could: after a pause, a failover or a start with
 * nothing, leases that ended prove nothing for a while.
 */
const PULSE = `${CLOCK}
local pulse = redis.call('HMGET', KEYS[4], 'tick', 'blind')
local blind = tonumber(pulse[2] or '0')
if not pulse[1] or now - tonumber(pulse[1]) > ${PULSE_GAP_MS_MAX} then blind = now end
redis.call('HSET', KEYS[4], 'tick', digits(now), 'blind', digits(blind))

-- The incarnation, state and description of a member; nothing when it is none.
local function member(node)
  local value = redis.call('HGET', KEYS[1], node)
  if not value then return nil end
  local incarnation, state, description = string.match(value, '^(%d+)|(%a+)|(.*)$')
  return tonumber(incarnation), state, description
end
`;

/** For scripts that change who is there; `PUBLISHER` stands for the command that sends hints. */
const CHANGE = `
-- The view follows the clock, so that it rises even when Redis forgot where it was. A hint is
-- best effort: a user without the right to publish loses nothing but time.
local function moveView(what, node, incarnation)
  local view = tonumber(redis.call('GET', KEYS[3]) or '0') + 1
  if us > view then view = us end
  redis.call('SET', KEYS[3], digits(view))
  redis.call('XADD', KEYS[6], 'MAXLEN', '~', ${EVENTS_MAX}, '*',
    'what', what, 'node', node, 'inc', incarnation, 'view', digits(view))
  redis.pcall('PUBLISHER', KEYS[7], digits(view))
  return digits(view)
end

local function bury(node, incarnation)
  redis.call('ZADD', KEYS[2], digits(now), node .. ':' .. incarnation)
  redis.call('ZREMRANGEBYSCORE', KEYS[2], '-inf', '(' .. digits(now - ${DEAD_KEPT_MS}))
  redis.call('ZREMRANGEBYRANK', KEYS[2], 0, ${-DEAD_MAX - 1})
end

local function remove(what, node, incarnation)
  bury(node, incarnation)
  redis.call('HDEL', KEYS[1], node)
  redis.call('HDEL', KEYS[5], node)
  redis.call('DEL', KEYS[8], KEYS[9])
  moveView(what, node, incarnation)
end
`;

/** ARGV: node, incarnation (0 = a new one), leaseMs, state, description. */
const JOIN = `${PULSE}${CHANGE}
local incarnation, known = tonumber(ARGV[2]), member(ARGV[1]) or 0
if known == 0 and redis.call('HLEN', KEYS[1]) >= ${MEMBERS_MAX} then return {'full'} end
if incarnation == 0 or incarnation < known
  or redis.call('ZSCORE', KEYS[2], ARGV[1] .. ':' .. ARGV[2]) then
  incarnation = math.max(us, known + 1, incarnation + 1)
end
-- What is replaced is dead for good, or it would come back when the newer one has left.
if known ~= 0 and known ~= incarnation then bury(ARGV[1], digits(known)) end
redis.call('DEL', KEYS[9]) -- Votes were meant for the older one.
redis.call('HSET', KEYS[1], ARGV[1], digits(incarnation) .. '|' .. ARGV[4] .. '|' .. ARGV[5])
redis.call('SET', KEYS[8], digits(incarnation), 'PX', ARGV[3])
return {'joined', digits(incarnation), moveView('join', ARGV[1], digits(incarnation)), digits(us)}
`;

/** ARGV: node, incarnation, leaseMs, load. KEYS from 10 on: leases of the watched nodes. */
const RENEW = `${PULSE}
if redis.call('ZSCORE', KEYS[2], ARGV[1] .. ':' .. ARGV[2]) then return {'fenced'} end
local known = member(ARGV[1])
if not known then return {'unknown'} end -- Redis lost its data.
if known ~= tonumber(ARGV[2]) then return {'fenced'} end
redis.call('SET', KEYS[8], ARGV[2], 'PX', ARGV[3])
redis.call('HSET', KEYS[5], ARGV[1], ARGV[4])
local silent = {}
for index = 10, #KEYS do
  if redis.call('EXISTS', KEYS[index]) == 0 then silent[#silent + 1] = index - 10 end
end
local view = redis.call('GET', KEYS[3]) or '0'
return {'renewed', view, digits(us), silent, redis.call('HGETALL', KEYS[5])}
`;

const MEMBERS = `${PULSE}
return {redis.call('GET', KEYS[3]) or '0', redis.call('HGETALL', KEYS[1])}
`;

/** ARGV: node, incarnation. */
const IS_DEAD = `${PULSE}
local known = member(ARGV[1]) or 0
if tonumber(ARGV[2]) < known then return 1 end
return redis.call('ZSCORE', KEYS[2], ARGV[1] .. ':' .. ARGV[2]) and 1 or 0
`;

/** ARGV: node, incarnation, state. */
const SET_STATE = `${PULSE}${CHANGE}
local known, state, description = member(ARGV[1])
if known ~= tonumber(ARGV[2]) then return 0 end
if state == ARGV[3] then return 1 end
redis.call('HSET', KEYS[1], ARGV[1], ARGV[2] .. '|' .. ARGV[3] .. '|' .. description)
moveView(ARGV[3], ARGV[1], ARGV[2])
return 1
`;

/** ARGV: node, incarnation, voter, votesNeeded, windowMs, strong (1 or 0), graceMs. */
const SUSPECT = `${PULSE}${CHANGE}
-- A late vote on an incarnation that was replaced meanwhile is harmless.
if member(ARGV[1]) ~= tonumber(ARGV[2]) then return 'gone' end
if redis.call('GET', KEYS[8]) == ARGV[2] or now - blind < tonumber(ARGV[7]) then
  local votes = redis.call('HGETALL', KEYS[9])
  for index = 1, #votes, 2 do
    if now - tonumber(votes[index + 1]) > tonumber(ARGV[5]) then
      redis.call('HDEL', KEYS[9], votes[index])
    end
  end
  redis.call('HSET', KEYS[9], ARGV[3], digits(now))
  redis.call('PEXPIRE', KEYS[9], ARGV[5])
  if ARGV[6] ~= '1' and redis.call('HLEN', KEYS[9]) < tonumber(ARGV[4]) then return 'noted' end
end
remove('expel', ARGV[1], ARGV[2])
return 'expelled'
`;

/** ARGV: node, incarnation. */
const LEAVE = `${PULSE}${CHANGE}
if member(ARGV[1]) == tonumber(ARGV[2]) then remove('leave', ARGV[1], ARGV[2])
else bury(ARGV[1], ARGV[2]) end
return 1
`;

/** KEYS: the secret. ARGV: what is proposed. */
const SECRET = `
redis.call('SET', KEYS[1], ARGV[1], 'NX')
return redis.call('GET', KEYS[1])
`;

/** KEYS: the record. ARGV: node, incarnation, expectedEpoch, deadlineUs, token. */
const CLAIM = `${CLOCK}
-- A command that waited in a stalled Redis, or on its way there, refuses itself.
if us > tonumber(ARGV[4]) then return {'late'} end
local stored = redis.call('HMGET', KEYS[1], 'epoch', 'node', 'inc', 'tok')
local epoch = stored[1] or '0'
-- The retry of a claim whose answer was lost is the same claim.
if stored[4] == ARGV[5] then return {'won', epoch} end
if epoch ~= ARGV[3] then return {'lost', epoch, stored[2] or '', stored[3] or '0'} end
local new = digits(math.max(tonumber(epoch) + 1, us))
redis.call('HSET', KEYS[1], 'epoch', new, 'node', ARGV[1], 'inc', ARGV[2], 'tok', ARGV[5])
redis.call('PEXPIRE', KEYS[1], ${OWNED_KEPT_MS})
return {'won', new}
`;

/** KEYS: the record. ARGV: node, incarnation, epoch. */
const REASSERT = `
local stored = redis.call('HMGET', KEYS[1], 'epoch', 'node', 'inc')
if stored[1] and tonumber(stored[1]) > tonumber(ARGV[3]) then
  return {stored[1], stored[2] or '', stored[3] or '0'}
end
redis.call('HSET', KEYS[1], 'epoch', ARGV[3], 'node', ARGV[1], 'inc', ARGV[2])
redis.call('HDEL', KEYS[1], 'tok')
redis.call('PEXPIRE', KEYS[1], ${OWNED_KEPT_MS})
return {ARGV[3], ARGV[1], ARGV[2]}
`;

/** KEYS: the record. ARGV: epoch. */
const RELEASE = `
if redis.call('HGET', KEYS[1], 'epoch') ~= ARGV[1] then return 0 end
-- The token too: a claim that arrives twice must not win what was given up since.
redis.call('HDEL', KEYS[1], 'node', 'inc', 'tok')
redis.call('PEXPIRE', KEYS[1], ${RELEASED_KEPT_MS})
return 1
`;

/** KEYS: the timeline. ARGV: epoch, then pairs of field and value. */
const TIMELINE = `
local epoch = redis.call('HGET', KEYS[1], 'epoch')
if epoch and tonumber(epoch) > tonumber(ARGV[1]) then return 0 end
redis.call('HSET', KEYS[1], 'epoch', unpack(ARGV))
redis.call('PEXPIRE', KEYS[1], ${TIMELINE_KEPT_MS})
return 1
`;

/**
 * The scripts by the names under which they become commands of the client. `publisher` sends the
 * hints: SPUBLISH keeps them within a Cluster's slot and needs Redis 7.
 */
export function luaScripts(publisher: "PUBLISH" | "SPUBLISH"): Record<ScriptName, string> {
  const changing = (script: string) => script.replace("PUBLISHER", publisher);
  return {
    hwJoin: changing(JOIN),
    hwRenew: RENEW,
    hwMembers: MEMBERS,
    hwIsDead: IS_DEAD,
    hwSetState: changing(SET_STATE),
    hwSuspect: changing(SUSPECT),
    hwLeave: changing(LEAVE),
    hwSecret: SECRET,
    hwClaim: CLAIM,
    hwReassert: REASSERT,
    hwRelease: RELEASE,
    hwTimeline: TIMELINE,
  };
}
