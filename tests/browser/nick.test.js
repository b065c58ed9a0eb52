// Another nick: the user's own, and those of others.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";

import { ChatPage } from "./chat-page.js";
import { launchBrowser, RawClient, startServer } from "./support.js";
import { Wire } from "./wire.js";

const MEMBERS = [
    { id: 1, nick: "alice", name: "Alice", password: "secret1" },
    { id: 2, nick: "bob", name: "Bob", password: "secret2" },
];

let browser;

before(async () => {
    browser = await launchBrowser();
});

after(() => browser?.close());

async function serve(t, ...args) {
    const server = await startServer({ members: MEMBERS, args: ["--nick-wait", "0", ...args] });
    t.after(async () => {
        await RawClient.closeAll();
        await server.remove();
    });
    return server;
}

async function changeNick(chat, nick) {
    await chat.page.getByRole("button", { name: "Change nick" }).first().click();
    await chat.page.getByLabel("New nick").fill(nick);
    await chat.page.getByLabel("New nick").press("Enter");
}

test("the user changes their nick, and goes on under it", async (t) => {
    const server = await serve(t);
    const wire = new Wire();
    const alice = await ChatPage.open(t, browser, server, { wire: wire.attach });
    await alice.arrive("alice", "secret1");
    const bob = await RawClient.connect(server.port, 2, "secret2");
    await alice.talkTo("bob");
    await alice.say("before");
    await alice.reads("> before");

    await changeNick(alice, "bob");
    await alice.page.locator("#new-nick-error").getByText("This nick is taken.").waitFor();
    await alice.isAccessible("nick-taken");
    await changeNick(alice, "7");
    await alice.page.getByLabel("New nick").fill("7");
    await alice.page.getByLabel("New nick").press("Enter");
    await alice.page.locator("#new-nick-error").getByText("This nick is not allowed.").waitFor();
    await alice.page.getByLabel("New nick").fill("two words");
    await alice.page.getByLabel("New nick").press("Enter");
    await alice.page.locator("#new-nick-error").getByText("has no spaces").waitFor();
    await alice.page.getByLabel("New nick").fill("queen");
    await alice.page.getByLabel("New nick").press("Enter");
    await alice.person("queen").waitFor();
    await alice.page.getByLabel("New nick").waitFor({ state: "hidden" });
    assert.equal(await alice.person("alice").count(), 0);

    await alice.say("after");
    await bob.until(/^<msg aid="queen" time="\S+" msg="after" from="bob" \/>$/);
    bob.send("MSG queen hello");
    await alice.reads("> before", "> after", "< hello");

    // The next login of the same page goes by the new nick.
    wire.cut();
    await alice.log.getByText("Connection restored.").waitFor();
    await alice.say("/nick alice");
    await alice.person("alice").waitFor();
    await alice.page.reload();
    assert.equal(await alice.page.getByLabel("Member number or nick").inputValue(), "alice");
});

test("another nick of others changes their talk, their entry and their place in rooms", async (t) => {
    const server = await serve(t);
    const alice = await ChatPage.open(t, browser, server);
    await alice.arrive("alice", "secret1");
    const bob = await RawClient.connect(server.port, 2, "secret2");
    bob.send("MSG alice hello");
    await alice.talkTo("bob");
    await alice.reads("< hello");
    await alice.box.fill("a draft");
    await alice.person("bob").focus();
    bob.send("NICK bobby");
    await alice.person("bobby").waitFor();
    assert.equal(await alice.person("bob").count(), 0);
    await alice.reads("< hello", "Bob is now known as bobby.");
    assert.equal(await alice.box.inputValue(), "a draft");
    assert.equal(await alice.page.evaluate(() => document.activeElement.dataset.nick), "bobby", "the focus stays");
    await alice.page.locator("#talk-head").getByText("bobby").waitFor();
    await alice.box.press("Enter");
    await bob.until(/msg="a draft" from="bobby"/);

    await alice.createRoom("den");
    await alice.isInRoom("#den");
    bob.send("JOIN #den");
    await alice.member("bobby").waitFor();
    bob.send("MSG #den here");
    await alice.log.getByText("here", { exact: true }).waitFor();
    bob.send("NICK bob2");
    await alice.member("bob2").waitFor();
    assert.equal(await alice.member("bobby").count(), 0);
    await alice.log.getByText("Bob is now known as bob2.").waitFor();
    await alice.isAccessible("renamed");
    // The owner's own place is kept, too.
    await alice.say("/nick queen");
    await alice.member("queen").getByText("owner").waitFor();
    await alice.page.getByRole("button", { name: "Change topic" }).waitFor();
});

test("where nicks cannot be changed, nothing offers it", async (t) => {
    const server = await serve(t, "--nick-changes", "off");
    const alice = await ChatPage.open(t, browser, server);
    await alice.arrive("alice", "secret1");
    assert.ok(await alice.page.getByRole("button", { name: "Change nick" }).first().isHidden());
    await alice.talkTo("alice");
    await alice.say("/nick queen");
    await alice.page.locator("#hint").getByText("This server does not offer that.").waitFor();
});
