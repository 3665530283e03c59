#!/usr/bin/env node
/**
 * Asks on a phone, through an ntfy server (docs.ntfy.sh): a push with a button for each answer. For config.toml:
 *
 *     approvers = ["terminal", "command", "queue"]
 *     command   = "~/bin/ask-ntfy.mjs"
 *
 * The environment of the guard says where:
 *
 *     NTFY_TOPIC        where the questions go: what your phone subscribes to
 *     NTFY_REPLY_TOPIC  where its buttons post to; default: NTFY_TOPIC with "-reply" behind it
 *     NTFY_URL          the server; default: https://ntfy.sh
 *     NTFY_TOKEN        an access token that may write to the one topic and read the other
 *     NTFY_REPLY_TOKEN  one that may do no more than write to the reply topic; it goes with the buttons
 *
 * Whoever can read the topic can see the questions, and answer: use a server of your own, or topics that nobody can guess.
 */
import { randomBytes } from "node:crypto";

/** ntfy shows so many buttons; the first answer is always "deny". */
const MAX_ACTIONS = 3;

/** In characters: ntfy makes a file of a message that has more than 4,096 bytes. */
const MAX_MESSAGE = 1000;

const { NTFY_URL = "https://ntfy.sh", NTFY_TOPIC, NTFY_TOKEN, NTFY_REPLY_TOKEN } = process.env;
if (!NTFY_TOPIC) fail("NTFY_TOPIC is not set");
const server = NTFY_URL.replace(/\/+$/, "");
const replyTopic = process.env.NTFY_REPLY_TOPIC ?? `${NTFY_TOPIC}-reply`;
const reply = `${server}/${replyTopic}`;

try {
  const question = JSON.parse(await readAll(process.stdin));
  const buttons = question.answers.slice(0, MAX_ACTIONS).map(({ name, answer }) => ({
    name,
    answer,
    word: randomBytes(16).toString("hex"), // of this question and this button alone
  }));
  const replies = await subscribe(); // first: an answer may come at once
  await publish(question, buttons);
  process.stdout.write(`${JSON.stringify(await firstAnswer(replies, buttons))}\n`);
  process.exit(0);
} catch (error) {
  fail(error.cause?.message ?? error.message);
}

function fail(reason) {
  process.stderr.write(`ask-ntfy: ${reason}\n`);
  process.exit(1);
}

async function readAll(stream) {
  let text = "";
  for await (const chunk of stream.setEncoding("utf8")) text += chunk;
  return text;
}

async function publish({ title, brief: lines, timeoutMs }, buttons) {
  const actions = buttons.map(({ name, word }) => ({
    action: "http",
    label: name,
    url: reply,
    method: "POST",
    body: word,
    clear: true,
    ...(NTFY_REPLY_TOKEN && { headers: bearer(NTFY_REPLY_TOKEN) }),
  }));
  const message = `${lines.join("\n").slice(0, MAX_MESSAGE)}\n(for ${Math.round(timeoutMs / 1000)} seconds)`;
  const body = {
    topic: NTFY_TOPIC,
    title: title.slice(0, 200),
    message,
    priority: 4,
    tags: ["key"],
    actions,
  };
  await request(server, { method: "POST", body: JSON.stringify(body) });
}

/** The messages on the reply topic from now on, one JSON object a line. */
async function subscribe() {
  const response = await request(`${reply}/json`, {});
  const events = parseLines(response.body);
  const { value } = await events.next();
  if (value?.event !== "open") throw new Error(`${reply} did not open`);
  return events;
}

async function* parseLines(body) {
  let rest = "";
  for await (const chunk of body.pipeThrough(new TextDecoderStream())) {
    const lines = (rest + chunk).split("\n");
    rest = lines.pop();
    for (const line of lines) if (line !== "") yield JSON.parse(line);
  }
}

async function firstAnswer(events, buttons) {
  for await (const { event, message } of events) {
    const pressed = event === "message" && buttons.find(({ word }) => word === message);
    if (pressed) return pressed.answer;
  }
  throw new Error(`${reply} was closed`);
}

async function request(url, options) {
  const response = await fetch(url, { ...options, headers: NTFY_TOKEN ? bearer(NTFY_TOKEN) : {} });
  if (!response.ok) throw new Error(`${url}: HTTP ${response.status}`);
  return response;
}

function bearer(token) {
  return { Authorization: `Bearer ${token}` };
}
