// An operator's own name, logo, colours and language, and the languages that the page comes with.

import assert from "node:assert/strict";
import { mkdir, writeFile } from "node:fs/promises";
import path from "node:path";
import { after, before, test } from "node:test";

import { ChatPage } from "./chat-page.js";
import { RawClient, launchBrowser, startServer } from "./support.js";
import { Wire } from "./wire.js";

let browser;

before(async () => (browser = await launchBrowser()));
after(() => browser?.close());

/** A server whose site has these files in its folder `chat`. */
async function serve(t, files) {
    const prepare = async (home) => {
        await mkdir(path.join(home, "site", "chat", "words"), { recursive: true });
        for (const [name, text] of Object.entries(files)) {
            await writeFile(path.join(home, "site", "chat", name), text);
        }
    };
    const server = await startServer({ args: ["--site", "site"], prepare });
    t.after(() => server.remove());
    return server;
}

const LOGO = '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 8 8"><circle cx="4" cy="4" r="4" fill="#8a1538"/></svg>';

test("name, logo and colours of an operator's own", async (t) => {
    const brand = "name = Kvarc\nlogo = k.svg\naccent = #ffd400\nbackground = #fff8f0\n";
    const server = await serve(t, { "brand.txt": brand, "k.svg": LOGO });
    const alice = await ChatPage.open(t, browser, server);
    await alice.page.getByRole("heading", { name: "Kvarc" }).waitFor();
    await alice.isAccessible("brand-login");
    await alice.arrive("alice", "secret1");
    await alice.titled("Kvarc");
    assert.match(await alice.page.locator("#people img.mark").evaluate((image) => image.src), /\/chat\/k\.svg$/);
    await alice.talkTo("alice");
    await alice.say("a bright colour, and a link: https://example.org/");
    await alice.titled("Alice – Kvarc");
    await alice.isAccessible("brand-chat");
});

test("the page speaks the language of the browser, or English", async (t) => {
    const server = await startServer();
    t.after(() => server.remove());
    const cases = [["de-AT", "de", "Anmelden"], ["hu", "hu", "Belépés"], ["es-MX", "es", "Entrar"], ["fr", "en", "Log in"]];
    for (const [locale, language, button] of cases) {
        const chat = await ChatPage.open(t, browser, server, { locale });
        await chat.page.getByRole("button", { name: button, exact: true }).waitFor();
        assert.equal(await chat.page.locator("html").getAttribute("lang"), language);
    }
});

test("the operator's choice of a language goes before the browser's, and may be one of their own", async (t) => {
    const server = await serve(t, { "brand.txt": "language = hu\n" });
    const chat = await ChatPage.open(t, browser, server, { locale: "de" });
    await chat.page.getByRole("button", { name: "Belépés", exact: true }).waitFor();
    // Words that are missing there are English.
    const files = { "brand.txt": "language = fr\n", "words/fr.js": 'export const words = { logIn: "Se connecter" };\n' };
    const french = await ChatPage.open(t, browser, await serve(t, files));
    await french.page.getByRole("button", { name: "Se connecter" }).waitFor();
    await french.page.getByLabel("Password").waitFor();
    assert.equal(await french.page.locator("html").getAttribute("lang"), "fr");
});

/** Elements that are wider than the place that they have, or that stick out of the page. */
function overflows(page) {
    return page.evaluate(() => {
        const wide = document.documentElement.scrollWidth > innerWidth ? ["the page"] : [];
        const parts = [...document.querySelectorAll("button, p, h1, h2, h3, h4, label, input, textarea, .card, .people, .talk, .directory, .panel")];
        const cut = parts.filter((part) => part.checkVisibility() && !part.closest(".unseen")
            && getComputedStyle(part).textOverflow !== "ellipsis"
            && (part.scrollWidth > part.clientWidth + 1 || part.getBoundingClientRect().right > innerWidth + 1)
            && getComputedStyle(part).display !== "inline");
        return [...wide, ...cut.map((part) => `${part.id || part.className || part.localName}: ${part.textContent}`)];
    });
}

/** The form for another nick, with its error. */
async function visitNickForm({ page }, check) {
    await page.locator("#nick-change").click();
    await check("nick");
    await page.locator("#new-nick").fill("two words");
    await page.locator("#new-nick").press("Enter");
    await page.locator("#new-nick-error").getByText(/./).waitFor();
    await check("nick-error");
    await page.locator("#nick-cancel").click();
}

/** The list of rooms with its forms, and a room with its panel, up to the owner's removing of the user. */
async function visitRooms(chat, bob, check) {
    const { page } = chat;
    bob.send("OPEN #den");
    await bob.until(/^<room /);
    await page.locator("#all-rooms").click();
    await chat.roomRow("#den").waitFor();
    await check("rooms");
    await page.locator("#create-form button").click();
    await page.locator("#create-name-error").getByText(/./).waitFor();
    await page.locator("#create-key").fill("a b");
    await page.locator("#create-name").fill("c");
    await page.locator("#create-form button").click();
    await page.locator("#create-key-error").getByText(/./).waitFor();
    await check("rooms-error");
    await chat.roomRow("#den").click();
    await chat.isInRoom("#den");
    await check("room");
    bob.send("TOPIC #den Tea & biscuits");
    bob.send("MSG #den Hello");
    await chat.log.getByText("Hello").waitFor();
    // On a phone the panel lies over the room.
    const covers = await page.locator("#panel").isHidden();
    if (covers) {
        await page.locator("#panel-button").click();
    }
    await chat.member("bob").waitFor();
    await check("room-panel");
    if (covers) {
        await page.locator("#panel-close").click();
    }
    bob.send("KICK #den alice too loud");
    await page.locator("#rejoin").waitFor();
    await page.locator("#rejoin button").first().click();
    await page.locator("#rejoin-key-error").getByText(/./).waitFor();
    await check("kicked");
    await page.locator("#forget-room").click();
    await chat.person("#den").waitFor({ state: "detached" });
}

for (const language of ["en", "de", "hu", "es"]) {
    test(`nothing overflows in ${language}, on a phone or a desk`, async (t) => {
        const server = await startServer();
        t.after(() => server.remove());
        const { words } = await import(`../../src/web/chat/words/${language}.js`);
        for (const [screen, viewport] of [["phone", { width: 320, height: 640 }], ["desk", { width: 1280, height: 800 }]]) {
            const name = (what) => `${language}-${screen}-${what}`;
            const wire = new Wire();
            const chat = await ChatPage.open(t, browser, server, { locale: language, viewport, wire: wire.attach });
            const { page } = chat;
            const check = async (what) => {
                assert.deepEqual(await overflows(page), [], name(what));
                await chat.isAccessible(name(what));
            };
            await check("login");
            await page.locator("#login-button").click();
            await check("login-empty");
            await page.locator("#login-id").fill("1");
            await page.locator("#login-password").fill("secret1");
            await page.locator("#login-button").click();
            await page.locator("#app").waitFor();
            await page.getByText(words.alone).waitFor();
            const bob = await RawClient.connect(server.port, 2, "secret2");
            bob.send("MSG alice Hello");
            await page.locator(".badge").first().waitFor();
            await check("people");
            await visitNickForm(chat, check);
            await visitRooms(chat, bob, check);
            await chat.person("bob").click();
            await chat.log.getByText("Hello").waitFor();
            await check("talk");
            await bob.close();
            await page.locator("#hint").getByText(words.leftHint.split("{name}")[1].trim().split("{")[0]).waitFor();
            await check("left");
            wire.refuse = true;
            wire.cut();
            await page.locator("#banner").waitFor();
            await check("lost");
            if (screen === "phone") {
                await page.locator("#back").click();
            }
            await page.locator("#log-out").click();
            await page.locator("#login-notice").getByText(words.out_left).waitFor();
            await check("out");
        }
    });
}

test("every language has the words of the English page, with the same places", async () => {
    const { words: english } = await import("../../src/web/chat/words/en.js");
    const places = (text) => [...new Set(text.match(/\{\w+\}/g))].sort();
    for (const language of ["de", "hu", "es"]) {
        const { words } = await import(`../../src/web/chat/words/${language}.js`);
        assert.deepEqual(Object.keys(words).sort(), Object.keys(english).sort(), language);
        for (const [key, text] of Object.entries(words)) {
            assert.deepEqual(places(text), places(english[key]), `${language}: ${key}`);
        }
    }
});
