// Rooms when connections drop, servers restart and pages are reloaded.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";

import { ChatPage } from "./chat-page.js";
import { everyoneGone, launchBrowser, RawClient, startServer } from "./support.js";
import { Wire } from "./wire.js";

/** What Chromium itself writes on its console when a server is gone. */
const UNREACHABLE = /WebSocket connection to .* failed/;

let browser;
let server;

before(async () => {
    browser = await launchBrowser();
    server = await startServer();
});

after(async () => {
    await browser?.close();
    await server?.remove();
});

async function alicesPage(t) {
    await everyoneGone(server);
    const wire = new Wire();
    const alice = await ChatPage.open(t, browser, server, { wire: wire.attach });
    await alice.arrive("alice", "secret1");
    return { alice, wire };
}

/** The rooms of the left pane, in their order. */
function roomsOf(chat) {
    return chat.page.locator("#rooms .person").evaluateAll((rows) => rows.map((row) => row.dataset.nick));
}

test("a page that comes back joins its rooms again, with their keys, in their order", async (t) => {
    const { alice, wire } = await alicesPage(t);
    await alice.createRoom("zebra", { key: "stripes" });
    await alice.isInRoom("#zebra");
    await alice.say("/join #apple");
    await alice.isInRoom("#apple");
    await alice.createRoom("mole", { key: "k", hidden: true });
    await alice.isInRoom("#mole");
    await alice.say("/join #lobby");
    await alice.isInRoom("#lobby");
    await alice.say("before");
    await alice.reads("> before");
    await alice.box.fill("a draft");
    wire.sent.length = 0;
    wire.cut();
    await alice.banner.waitFor();
    await alice.page.locator("#talk-head").getByText("not connected").waitFor();
    await alice.isAccessible("rooms-lost");
    await alice.banner.waitFor({ state: "hidden" });
    await alice.isInRoom("#lobby");
    await alice.membersAre("Alice [you]");
    await alice.reads("> before", "Connection lost.", "Connection restored.");
    assert.equal(await alice.box.inputValue(), "a draft");
    const joined = wire.sent.filter((command) => /^(JOIN|OPEN) /.test(command));
    assert.deepEqual(joined, ["JOIN #zebra stripes", "JOIN #apple", "OPEN #mole key=k hidden", "JOIN #lobby"]);
    assert.deepEqual(await roomsOf(alice), ["#zebra", "#apple", "#mole", "#lobby"]);

    // The room that was gone meanwhile has the same key again, and the hidden one is hidden.
    const bob = await RawClient.connect(server.port, 2, "secret2");
    bob.send("JOIN #zebra");
    await bob.until(/Wrong key\./);
    bob.send("ROOMS");
    assert.doesNotMatch(await bob.until(/^<rooms>/), /#mole/);
    await alice.say("after");
    await alice.reads("> before", "Connection lost.", "Connection restored.", "> after");
});

test("a room that does not let its member in again says why, and how to get in", async (t) => {
    const { alice, wire } = await alicesPage(t);
    await alice.createRoom("club", { key: "old" });
    await alice.isInRoom("#club");
    wire.refuse = true;
    wire.cut();
    await alice.banner.waitFor();
    const bob = await RawClient.connect(server.port, 2, "secret2");
    bob.send("JOIN #club new");
    await bob.until(/^<room name="#club"/);
    wire.refuse = false;
    await alice.page.getByRole("button", { name: "Try now" }).click();
    await alice.page.locator("#rejoin-why").getByText("The key is wrong.").waitFor();
    await alice.isAccessible("rooms-refused");
    await alice.page.locator("#rejoin-key").fill("new");
    await alice.page.getByRole("button", { name: "Join again" }).click();
    await alice.isInRoom("#club");
    await alice.membersAre("Bob [owner]", "Alice [you]");
});

test("a page whose server starts again is back in its rooms", async (t) => {
    const first = await startServer();
    t.after(() => first.remove());
    const alice = await ChatPage.open(t, browser, first);
    alice.expected.push(UNREACHABLE);
    await alice.arrive("alice", "secret1");
    await alice.joinRoom("#lobby");
    await first.stop();
    await alice.banner.waitFor();
    const second = await startServer({ port: first.port });
    t.after(() => second.remove());
    await alice.banner.waitFor({ state: "hidden" });
    await alice.membersAre("Alice [you]");
});

test("rooms survive a reload, their keys do not", async (t) => {
    const { alice } = await alicesPage(t);
    await alice.createRoom("safe", { key: "t0pk3y" });
    await alice.isInRoom("#safe");
    await alice.say("kept");
    await alice.reads("> kept");
    await alice.joinRoom("#lobby");
    await alice.page.reload();
    const stored = await alice.page.evaluate(() => JSON.stringify([{ ...sessionStorage }, { ...localStorage }]));
    assert.match(stored, /#safe/);
    assert.doesNotMatch(stored, /t0pk3y/);
    await alice.arrive("alice", "secret1");
    assert.deepEqual(await roomsOf(alice), ["#safe", "#lobby"]);
    await alice.person("#lobby").click();
    await alice.membersAre("Alice [you]");
    await alice.person("#safe").click();
    await alice.page.locator("#rejoin-why").getByText("needs a key").waitFor();
    await alice.reads("> kept");
    await alice.isAccessible("rooms-reloaded");
    await alice.page.locator("#rejoin-key").fill("t0pk3y");
    await alice.page.getByRole("button", { name: "Join again" }).click();
    await alice.isInRoom("#safe");
    await alice.membersAre("Alice [owner] [you]");

    await alice.page.getByRole("button", { name: "Log out" }).click();
    await alice.page.locator("#login-notice").getByText("You have logged out.").waitFor();
    assert.doesNotMatch(await alice.page.evaluate(() => JSON.stringify({ ...sessionStorage })), /#safe|kept/);
});
