// The chat page without a mouse, and on a phone.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";

import { ChatPage } from "./chat-page.js";
import { eventually, everyoneGone, launchBrowser, RawClient, startServer } from "./support.js";

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

/** What has the focus: its name as far as a test needs it. */
function focused(chat) {
    return chat.page.evaluate(() => {
        const element = document.activeElement;
        return element.dataset.nick ?? element.id;
    });
}

async function hasFocus(chat, name) {
    let last;
    await eventually(`the focus on ${name}`, async () => (last = await focused(chat)) === name).catch(() => {});
    assert.equal(last, name);
}

test("everything goes by keyboard alone", async (t) => {
    await everyoneGone(server);
    const bob = await RawClient.connect(server.port, 2, "secret2");
    const alice = await ChatPage.open(t, browser, server);
    const { keyboard } = alice.page;
    await alice.isAccessible("login");
    await hasFocus(alice, "login-id");
    await keyboard.type("alice");
    await keyboard.press("Tab");
    await keyboard.type("secret1");
    await keyboard.press("Enter");

    await hasFocus(alice, "bob");
    await keyboard.press("ArrowDown");
    await hasFocus(alice, "alice");
    await keyboard.press("Home");
    await hasFocus(alice, "bob");
    await alice.isAccessible("list");
    await keyboard.press("Enter");
    await hasFocus(alice, "text");
    await keyboard.type("one");
    await keyboard.press("Shift+Enter");
    await keyboard.type("two");
    await keyboard.press("Enter");
    await alice.reads("> one\ntwo");
    await bob.until(/one&#10;two/);
    await alice.isAccessible("conversation");

    // The log can be reached and scrolled, the list is one stop, and Escape leads back to it.
    await keyboard.press("Shift+Tab");
    await hasFocus(alice, "log");
    for (const before of ["alerts-button", "sound-button", "nick-change", "bob"]) {
        await keyboard.press("Shift+Tab");
        await hasFocus(alice, before);
    }
    for (const after of ["nick-change", "sound-button", "alerts-button", "log", "text"]) {
        await keyboard.press("Tab");
        await hasFocus(alice, after);
    }
    await keyboard.press("Escape");
    await hasFocus(alice, "bob");
    await keyboard.press("Shift+Tab");
    await hasFocus(alice, "all-rooms");
    await keyboard.press("Shift+Tab");
    await hasFocus(alice, "log-out");
    await keyboard.press("Enter");
    await hasFocus(alice, "login-password");
    await bob.close();
});

test("a screen reader is told what happens", async (t) => {
    await everyoneGone(server);
    const alice = await ChatPage.open(t, browser, server);
    await alice.arrive("alice", "secret1");
    const said = alice.page.getByRole("status");
    const bob = await RawClient.connect(server.port, 2, "secret2");
    await said.getByText("Bob").getByText("is online.").waitFor();
    bob.send("MSG alice psst");
    await said.getByText("New message from").waitFor();
    await alice.talkTo("bob");
    const log = alice.page.getByRole("log", { name: /Conversation with .*Bob/ });
    await eventually("a live log", async () => (await log.getAttribute("aria-live")) === "polite");
    assert.match(await log.locator(".message").first().innerText(), /Bob.*:\s*psst/s);
    await bob.close();
    await alice.reads("< psst", "Bob left.");
});

test("on a phone it is the list or the conversation, and the back button leads to the list", async (t) => {
    await everyoneGone(server);
    const bob = await RawClient.connect(server.port, 2, "secret2");
    const alice = await ChatPage.open(t, browser, server, {
        viewport: { width: 360, height: 740 },
        hasTouch: true,
        isMobile: true,
    });
    await alice.arrive("alice", "secret1");
    await alice.isAccessible("phone-list");
    await alice.person("bob").tap();
    bob.send("MSG alice Are you on the train?");
    await alice.reads("< Are you on the train?");
    await hasFocus(alice, "log");
    assert.ok(await alice.person("bob").isHidden());
    await alice.isAccessible("phone-conversation");

    await alice.page.goBack();
    await alice.person("bob").waitFor();
    assert.ok(await alice.box.isHidden());
    bob.send("MSG alice Hello?");
    await alice.titled("(1) Bob – flashgate");
    await alice.person("bob").tap();
    await alice.titled("Bob – flashgate");
    await alice.reads("< Are you on the train?", "< Hello?");
    await alice.page.getByRole("button", { name: "Back to the list" }).tap();
    await alice.person("bob").waitFor();
    for (const width of [320, 360, 719, 720, 1600]) {
        await alice.page.setViewportSize({ width, height: 740 });
        const overflow = await alice.page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
        assert.equal(overflow, 0, `at ${width}`);
    }
    await bob.close();
});
