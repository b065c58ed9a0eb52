// Rooms and nicks in the Flash movie, with hostile names, topics and texts. See flash.test.js.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";

import { FlashPage, RUFFLE } from "./flash-page.js";
import { launchBrowser, RawClient, startServer } from "./support.js";

const skip = RUFFLE === undefined && "the package @ruffle-rs/ruffle is not installed";

/** What would be markup in HTML, in XML and in Flash's own text, and what forges a line. */
const HOSTILE = "<img src=x onerror=alert(1)> &amp; <font color='#ffffff'>x</font> ]]> \"q\"";
const HOSTILE_NAME = "<b>Carol</b> & \"co\"";
const HOSTILE_ROOM = "#<b>&'\"</b>";
const FORGED = "one\r[00:00:00] bob: two";

let browser;

before(async () => {
    browser = await launchBrowser();
});

after(() => browser?.close());

const MEMBERS = [
    { id: 1, nick: "alice", name: "Alice", password: "secret1" },
    { id: 2, nick: "bob", name: "Bob", password: "secret2" },
    { id: 3, nick: "carol", name: HOSTILE_NAME, password: "secret3" },
];

/** The movie with alice in it, and members who know rooms. */
async function open(t, options) {
    const server = await startServer({ args: ["--ruffle", RUFFLE], members: MEMBERS, ...options });
    let flash;
    try {
        flash = await FlashPage.open(t, browser, server);
    } finally {
        t.after(() => server.remove());
    }
    const carol = await RawClient.connect(server.port, 3, "secret3");
    t.after(() => carol.close());
    carol.send("HELLO");
    await flash.plays();
    await flash.logIn("alice", "secret1");
    await flash.tells("Welcome, alice.");
    return { flash, carol };
}

/** Types a line, and sends it. */
async function enter(flash, text) {
    await flash.type(text);
    await flash.page.keyboard.press("Enter");
}

test("a room in the movie, from its creation on, with hostile members", { skip }, async (t) => {
    const { flash, carol } = await open(t);
    await enter(flash, "/join #Tea");
    await flash.tells("1 in #Tea: alice [owner]");
    carol.send("JOIN #tea");
    await flash.tells(`${HOSTILE_NAME} (carol) has joined #Tea.`);

    // A room that was joined is where the line goes.
    await enter(flash, "hi <b>");
    assert.match(await carol.until(/^<msg/), /^<msg room="#Tea" aid="alice" time="[\d:]+" msg="hi &lt;b&gt;" \/>$/);
    await flash.tells("you to #Tea: hi <b>");
    await enter(flash, "/me nods");
    assert.match(await carol.until(/^<action/), /room="#Tea" aid="alice" .* msg="nods"/);
    await flash.tells("you to #Tea: alice nods");
    carol.send(`MSG #tea ${HOSTILE}`);
    assert.ok((await flash.tells("onerror")).endsWith(`#Tea carol: ${HOSTILE}`));
    carol.send(`MSG #tea ${FORGED}`);
    assert.match(await flash.tells("two"), /#Tea carol: one\r {8}\[00:00:00\] bob: two$/);
    carol.send("ME #tea waves");
    await flash.tells("#Tea carol waves");

    await enter(flash, "/topic <b>");
    await flash.tells("You have set the topic of #Tea: <b>");
    await flash.screenshot("flash-room");
    await enter(flash, "/who");
    await flash.tells(`2 in #Tea: alice [owner], ${HOSTILE_NAME} (carol)`);

    // The list holds those in the room: the second row is carol.
    await flash.clicks(545, 122);
    await enter(flash, "psst");
    assert.match(await carol.until(/psst/), /msg="psst" from="carol"/);
    carol.send("NICK caro");
    await flash.tells("is called caro now.");
    await enter(flash, "again");
    assert.match(await carol.until(/again/), /msg="again" from="caro"/);
    await enter(flash, "/nick al");
    await flash.tells("You are called al now.");
    await carol.until(/^<nickchanged aid="alice" to="al" \/>$/);

    await enter(flash, "/kick caro Out");
    await flash.tells(`You have removed ${HOSTILE_NAME} (caro) from #Tea: Out`);
    assert.match(await carol.until(/^<part/), /aid="caro" by="al" reason="Out"/);
    await flash.screenshot("flash-kick");
});

test("what is typed for a room goes nowhere once the movie's member is not in it", { skip }, async (t) => {
    const { flash, carol } = await open(t);
    carol.send(`JOIN ${HOSTILE_ROOM}`);
    await carol.until(/^<room /);
    carol.send(`TOPIC ${HOSTILE_ROOM} ${HOSTILE}`);
    await enter(flash, "/rooms");
    await flash.tells(`Rooms: ${HOSTILE_ROOM} (1)`);
    await flash.screenshot("flash-rooms");
    // Its row is the second of the rooms, below everyone.
    await flash.clicks(545, 300);
    await flash.tells(`You are in ${HOSTILE_ROOM} now.`);
    await flash.tells(`Topic of ${HOSTILE_ROOM}: ${HOSTILE}`);
    await carol.until(/^<join .*aid="alice"/);
    carol.send(`KICK ${HOSTILE_ROOM} alice <i>Out!</i>`);
    await flash.tells(`has removed you from ${HOSTILE_ROOM}: <i>Out!</i>`);
    await enter(flash, "lost");
    await flash.tells("Choose whom to write to: click a name or a room.");
    await flash.screenshot("flash-kicked");
    await flash.page.keyboard.press("Control+a");
    await enter(flash, `/join ${HOSTILE_ROOM}`);
    await flash.tells("You were kicked from that room.");

    // The owner's place passes on, and the button leaves.
    carol.send("OPEN #den key=k");
    await enter(flash, "/join #den k");
    await flash.tells("2 in #den:");
    carol.send("PART #den");
    await flash.tells("You own #den now.");
    await flash.clicks(418, 362);
    await flash.tells("You have left #den.");
    await enter(flash, "/fly");
    await flash.tells("There is no command /fly.");
    carol.send("PING end");
    assert.doesNotMatch(await carol.until(/msg="lost"|^<pong/), /lost/);
});

test("the movie enters its rooms again after the server was away", { skip }, async (t) => {
    const { flash, carol } = await open(t);
    const { port, folder } = flash.server;
    await enter(flash, "/join #tea");
    await flash.tells("You are in #tea now.");
    await flash.server.stop();
    await carol.close();
    await flash.tells("The connection was lost.");
    const again = await startServer({ port, folder });
    t.after(() => again.stop());
    await flash.page.keyboard.press("Enter");
    const entered = flash.page.locator("#said p").filter({ hasText: "You are in #tea now." });
    await entered.nth(1).waitFor({ state: "attached" });
    const bob = await RawClient.connect(port, 2, "secret2");
    t.after(() => bob.close());
    bob.send("JOIN #tea");
    assert.match(await bob.until(/^<room /), /owner="alice"/);
    await enter(flash, "hello");
    assert.match(await bob.until(/^<msg/), /room="#tea" aid="alice" .* msg="hello"/);
});
