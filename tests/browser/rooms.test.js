// Rooms on the chat page: the list, joining, creating, leaving, and what happens in them.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";

import { ChatPage } from "./chat-page.js";
import { eventually, everyoneGone, launchBrowser, RawClient, startServer } from "./support.js";
import { Wire } from "./wire.js";

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

/** A member of the demo without a browser, in these rooms. */
async function raw(id, ...rooms) {
    const client = await RawClient.connect(server.port, id, `secret${id}`);
    for (const room of rooms) {
        client.send(`JOIN ${room}`);
        await client.until(/^<room /);
    }
    return client;
}

async function page(t, nick, id, options) {
    const chat = await ChatPage.open(t, browser, server, options);
    await chat.arrive(nick, `secret${id}`);
    return chat;
}

test("a room is joined from the list, talked in, and left", async (t) => {
    await everyoneGone(server);
    const bob = await raw(2, "#lobby");
    const alice = await page(t, "alice", 1);
    await alice.allRooms();
    const row = alice.roomRow("#lobby");
    await row.getByText("1 person").waitFor();
    assert.notEqual(await row.locator(".room-topic").textContent(), "");
    await alice.isAccessible("rooms-list");
    await row.click();
    await alice.isInRoom("#lobby");
    await alice.membersAre("Alice [you]", "Bob");
    await bob.until(/^<join room="#lobby" aid="alice" name="Alice" \/>$/);

    await alice.say("Hello everybody");
    await bob.until(/^<msg room="#lobby" aid="alice" time="\S+" msg="Hello everybody" \/>$/);
    bob.send("MSG #lobby Hello Alice");
    bob.send("ME #lobby waves");
    await alice.say("/me waves back");
    await bob.until(/^<action room="#lobby" aid="alice" time="\S+" msg="waves back" \/>$/);
    await alice.reads("> Hello everybody", "< Hello Alice", "< Bob waves", "> Alice waves back");
    assert.equal(await alice.log.locator(".sender bdi").first().innerText(), "Bob");

    // People who come and go stand in one line, and someone who does both in none.
    const carol = await raw(3, "#lobby");
    await alice.reads("> Hello everybody", "< Hello Alice", "< Bob waves", "> Alice waves back", "Carol joined. ");
    await alice.isAccessible("room");
    await carol.close();
    await alice.reads("> Hello everybody", "< Hello Alice", "< Bob waves", "> Alice waves back");
    bob.send("PART #lobby");
    await alice.log.getByText("Bob left the room.").waitFor();
    await alice.membersAre("Alice [you]");

    await alice.page.getByRole("button", { name: "Leave the room" }).click();
    await alice.person("#lobby").waitFor({ state: "detached" });
    await alice.page.getByText("Choose someone to talk to").waitFor();
    await alice.allRooms();
    await alice.roomRow("#lobby").getByText("0 people").waitFor();
});

test("a room with a key is created, and joined with the key only", async (t) => {
    await everyoneGone(server);
    const alice = await page(t, "alice", 1);
    await alice.createRoom("vault", { key: "s3same" });
    await alice.isInRoom("#vault");
    await alice.membersAre("Alice [owner] [you]");

    const bob = await page(t, "bob", 2);
    await bob.allRooms();
    await bob.roomRow("#vault").click();
    const key = bob.page.locator("#list-key");
    await eventually("the focus on the key", () => key.evaluate((field) => field === document.activeElement));
    await bob.isAccessible("room-key");
    await key.fill("wrong");
    await key.press("Enter");
    await bob.page.getByText("The key is wrong.").waitFor();
    await bob.isAccessible("room-wrong-key");
    await key.fill("s3same");
    await key.press("Enter");
    await bob.isInRoom("#vault");
    await bob.membersAre("Alice [owner]", "Bob [you]");
    await alice.membersAre("Alice [owner] [you]", "Bob");

    // By name it is an error of the field that it is about.
    const carol = await page(t, "carol", 3);
    await carol.joinByName("vault", "nope");
    await carol.page.locator("#join-key-error").getByText("The key is wrong.").waitFor();
    await carol.createRoom("#Vault");
    await carol.page.locator("#create-name-error").getByText("This room exists already.").waitFor();
    await carol.createRoom("two words");
    await carol.page.locator("#create-name-error").getByText("has no spaces").waitFor();
    await carol.createRoom("");
    await carol.page.locator("#create-name-error").getByText("Please type the name of a room.").waitFor();
    await carol.createRoom("three", { key: "a b" });
    await carol.page.locator("#create-key-error").getByText("A key has no spaces in it.").waitFor();
    await carol.isAccessible("room-forms");
});

test("a hidden room is in nobody's list, and can be joined by its name and key", async (t) => {
    await everyoneGone(server);
    const alice = await page(t, "alice", 1);
    await alice.createRoom("#cellar", { key: "k", hidden: true });
    await alice.isInRoom("#cellar");
    const bob = await page(t, "bob", 2);
    await bob.allRooms();
    await bob.roomRow("#lobby").waitFor();
    assert.equal(await bob.roomRow("#cellar").count(), 0);
    await bob.joinByName("#cellar");
    await bob.page.locator("#join-name-error").getByText("There is no such room.").waitFor();
    await bob.joinByName("#cellar", "k");
    await bob.isInRoom("#cellar");
    await bob.say("psst");
    await alice.reads("Bob joined. ", "< psst");
});

test("the owner changes the topic, and hands the room over by leaving", async (t) => {
    await everyoneGone(server);
    const alice = await page(t, "alice", 1);
    await alice.createRoom("garden");
    await alice.isInRoom("#garden");
    const bob = await page(t, "bob", 2);
    await bob.joinRoom("#garden");
    assert.ok(await bob.page.getByRole("button", { name: "Change topic" }).isHidden(), "for the owner only");

    await alice.page.getByRole("button", { name: "Change topic" }).click();
    await alice.isAccessible("room-topic");
    await alice.page.locator("#topic-text").fill("Roses & <b>tulips</b>");
    await alice.page.getByRole("button", { name: "Save" }).click();
    for (const chat of [alice, bob]) {
        await chat.page.locator("#talk-head").getByText("Roses & <b>tulips</b>").waitFor();
        await chat.page.locator("#panel-topic").getByText("Roses & <b>tulips</b>").waitFor();
    }
    await bob.reads("Alice changed the topic to: Roses & <b>tulips</b>");

    await alice.page.getByRole("button", { name: "Leave the room" }).click();
    await bob.log.getByText("You own the room now.").waitFor();
    await bob.membersAre("Bob [owner] [you]");
    await bob.say("/topic");
    await bob.log.getByText("Bob removed the topic.").waitFor();
    await bob.page.locator("#panel-topic").getByText("No topic").waitFor();
});

test("the owner removes a member, who learns by whom and why", async (t) => {
    await everyoneGone(server);
    const alice = await page(t, "alice", 1);
    await alice.createRoom("party");
    await alice.isInRoom("#party");
    const bob = await page(t, "bob", 2);
    await bob.joinRoom("#party");
    const carol = await raw(3, "#party");
    await alice.membersAre("Alice [owner] [you]", "Bob", "Carol");

    await alice.member("bob").click();
    await alice.isAccessible("room-member");
    await alice.page.getByLabel("Reason (optional)").fill("too loud");
    await alice.page.getByRole("button", { name: "Remove from the room" }).click();
    await alice.log.getByText("Alice removed Bob from the room. Reason: too loud").waitFor();
    await carol.until(/^<part room="#party" aid="bob" by="alice" reason="too loud" \/>$/);
    await alice.membersAre("Alice [owner] [you]", "Carol");

    await bob.log.getByText("Alice removed you from this room. Reason: too loud").waitFor();
    await bob.page.locator("#rejoin-why").getByText(/Alice.* removed you from this room\./).waitFor();
    await bob.isAccessible("room-kicked");
    await bob.say("Let me in");
    assert.equal(await bob.box.inputValue(), "Let me in", "what was typed stays");
    await bob.page.getByRole("button", { name: "Join again" }).click();
    await bob.page.locator("#rejoin-key-error").getByText("You were removed from this room a short while ago.").waitFor();
    await bob.page.getByRole("button", { name: "Remove from my list" }).click();
    await bob.person("#party").waitFor({ state: "detached" });

    // A member who opens somebody else's room writes to its members with one click.
    await alice.page.getByRole("button", { name: "Leave the room" }).click();
    await alice.joinRoom("#party");
    await alice.member("carol").click();
    await alice.page.getByRole("heading", { name: "Carol", level: 2 }).waitFor();
});

test("what is said in other rooms is counted, and a mention is told", async (t) => {
    await everyoneGone(server);
    const bob = await raw(2, "#lobby", "#tea");
    const alice = await page(t, "alice", 1);
    await alice.joinRoom("#tea");
    await alice.joinRoom("#lobby");
    bob.send("MSG #tea one");
    bob.send("MSG #tea malice is not a mention");
    await alice.titled("(2) #lobby – flashgate");
    assert.equal(await alice.person("#tea").locator(".badge").textContent(), "2 unread messages");
    assert.equal(await alice.page.locator("#announcer").getByText("mentioned").count(), 0);
    bob.send("MSG #tea Alice, are you there?");
    await alice.page.locator("#announcer").getByText(/Bob.* mentioned you in .*#tea/).waitFor();
    await alice.titled("(3) #lobby – flashgate");
    await alice.isAccessible("room-unread");
    await alice.person("#tea").click();
    await alice.titled("#tea – flashgate");
    await alice.log.locator(".new-line").waitFor();
    assert.equal(await alice.log.locator(".mention").count(), 1);
    await alice.isAccessible("room-mention");
});

test("everything can be typed, and an error stands below what was typed", async (t) => {
    await everyoneGone(server);
    const bob = await raw(2, "#lobby");
    const alice = await page(t, "alice", 1);
    await alice.talkTo("bob");
    await alice.say("/join lobby");
    await alice.isInRoom("#lobby");
    await alice.say("/topic Mine now");
    await alice.page.locator("#hint").getByText("Only the owner may do that.").waitFor();
    assert.equal(await alice.box.inputValue(), "/topic Mine now");
    await alice.isAccessible("command-refused");
    await alice.say("/kick");
    await alice.page.locator("#hint").getByText("Usage: /kick [#room] nick [reason]").waitFor();
    await alice.say("/who");
    await alice.log.getByText(/In .#lobby.: .Bob., .Alice./).waitFor();
    await alice.say("/JOIN #den key");
    await alice.isInRoom("#den");
    await alice.say("/topic A quiet place");
    await alice.page.locator("#talk-head").getByText("A quiet place").waitFor();
    bob.send("JOIN #den key");
    await alice.membersAre("Alice [owner] [you]", "Bob");
    await alice.say("/kick bob see you");
    await bob.until(/^<part room="#den" aid="bob" by="alice" reason="see you" \/>$/);
    await alice.say("/kick bob");
    await alice.page.locator("#hint").getByText("This person has left.").waitFor();
    await alice.say("/rooms");
    await alice.roomRow("#den").getByText("joined").waitFor();
    await alice.person("#lobby").click();
    await alice.say("/part #den");
    await alice.person("#den").waitFor({ state: "detached" });
    await alice.say("/part");
    await alice.person("#lobby").waitFor({ state: "detached" });
    // A text that only looks like a command is a message.
    await alice.talkTo("bob");
    await alice.say("/partly");
    await bob.until(/^<msg aid="alice" time="\S+" msg="\/partly" from="bob" \/>$/);
});

test("rooms by keyboard alone, and on a phone", async (t) => {
    await everyoneGone(server);
    await raw(2, "#lobby");
    const alice = await page(t, "alice", 1);
    const { keyboard } = alice.page;
    const focus = (name) => eventually(`the focus on ${name}`, () => alice.page.evaluate((wanted) => {
        const { id, dataset } = document.activeElement;
        return [id, dataset.room, dataset.nick].includes(wanted);
    }, name));
    await focus("bob");
    await keyboard.press("Shift+Tab");
    await focus("all-rooms");
    await keyboard.press("Enter");
    await focus("directory-title");
    await alice.roomRow("#lobby").waitFor();
    await keyboard.press("Tab");
    await focus("directory-refresh");
    await keyboard.press("Tab");
    await focus("#lobby");
    await keyboard.press("Enter");
    await focus("text");
    await keyboard.press("Escape");
    await focus("#lobby");
    await keyboard.press("ArrowDown");
    await focus("bob");

    const carol = await page(t, "carol", 3, { viewport: { width: 360, height: 740 }, hasTouch: true, isMobile: true });
    await carol.page.getByRole("button", { name: "All rooms" }).tap();
    await carol.isAccessible("phone-rooms");
    await carol.roomRow("#lobby").tap();
    await carol.isInRoom("#lobby");
    await carol.isAccessible("phone-room");
    await carol.page.locator("#panel-button").tap();
    await carol.member("bob").waitFor();
    await carol.isAccessible("phone-members");
    // Back leads from the members to the room, and from the room to the list.
    await carol.page.goBack();
    await carol.member("bob").waitFor({ state: "hidden" });
    assert.ok(await carol.box.isVisible());
    await carol.page.goBack();
    await carol.person("#lobby").waitFor();
    assert.ok(await carol.box.isHidden());
    await carol.isAccessible("phone-list-rooms");
    await carol.person("#lobby").tap();
    await carol.page.locator("#panel-button").tap();
    await carol.page.getByRole("button", { name: "Leave the room" }).tap();
    await carol.person("#lobby").waitFor({ state: "detached" });
    await carol.page.getByRole("button", { name: "All rooms" }).waitFor();
    for (const width of [320, 360, 719, 720, 1000, 1179, 1180, 1600]) {
        await alice.page.setViewportSize({ width, height: 740 });
        const overflow = await alice.page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
        assert.equal(overflow, 0, `at ${width}`);
    }
});

test("announcements stand above everything until they are dismissed", async (t) => {
    await everyoneGone(server);
    const wire = new Wire();
    const alice = await page(t, "alice", 1, { wire: wire.attach });
    wire.say('<announce time="12:34:56" msg="Restart at &lt;b&gt;noon&lt;/b&gt;, see https://example.com/" />');
    const news = alice.page.getByRole("region", { name: "Announcements" });
    await news.getByText("Restart at <b>noon</b>").waitFor();
    await alice.page.locator("#announcer").getByText("Restart at").waitFor();
    await alice.isAccessible("announcement");
    for (const n of [1, 2, 3]) {
        wire.say(`<announce time="12:34:56" msg="number ${n}" />`);
    }
    await news.getByText("number 3").waitFor();
    assert.equal(await news.getByRole("listitem").count(), 3, "no more than three");
    for (const n of [2, 1, 0]) {
        await news.getByRole("button", { name: "Dismiss" }).first().click();
        await eventually("one less", async () => (await news.getByRole("listitem").count()) === n);
    }
    assert.ok(await news.isHidden());
});

test("a server without rooms is offered none", async (t) => {
    const plain = await startServer({ members: [{ id: 1, nick: "alice", name: "Alice", password: "secret1" }], args: ["--rooms", "off"] });
    t.after(() => plain.remove());
    const alice = await ChatPage.open(t, browser, plain);
    await alice.arrive("alice", "secret1");
    assert.ok(await alice.page.getByRole("button", { name: "All rooms" }).isHidden());
    assert.ok(await alice.page.getByRole("heading", { name: "Rooms" }).first().isHidden());
    await alice.talkTo("alice");
    await alice.say("/join #lobby");
    await alice.page.locator("#hint").getByText("This server does not offer that.").waitFor();
    assert.deepEqual(await alice.messages(), []);
});
