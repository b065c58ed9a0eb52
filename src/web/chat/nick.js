// The form in which the user changes their nick.

import { $, announce, fault, isolated } from "./dom.js";
import { explain } from "./errors.js";
import { say } from "./words.js";

/** `change(nick)` changes the nick, or rejects. */
export function beginNick(change, current) {
    $("nick-change").addEventListener("click", () => {
        if ($("nick-form").hidden) {
            $("nick-form").hidden = false;
            $("nick-change").setAttribute("aria-expanded", "true");
            fault("new-nick", "");
            $("new-nick").value = current();
            $("new-nick").focus();
            $("new-nick").select();
        } else {
            close();
        }
    });
    $("nick-cancel").addEventListener("click", close);
    $("nick-form").addEventListener("keydown", (event) => {
        if (event.key === "Escape" && !event.isComposing) {
            close();
        }
    });
    $("nick-form").addEventListener("submit", async (event) => {
        event.preventDefault();
        const nick = $("new-nick").value.trim();
        if (nick === "" || /\s/.test(nick)) {
            fault("new-nick", say(nick === "" ? "noNick" : "spaces"));
            return;
        }
        try {
            await change(nick);
            announce(say("nickChanged", { nick: isolated(nick) }));
            close();
        } catch (error) {
            fault("new-nick", explain(error));
        }
    });
}

function close() {
    endNick();
    $("nick-change").focus();
}

export function endNick() {
    $("nick-form").hidden = true;
    $("nick-change").setAttribute("aria-expanded", "false");
}
