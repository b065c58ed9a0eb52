package chat;

/** A room, and who is in it. */
class Chatroom {
	public final name:String;
	public var topic:String;

	/** The owner's nick; empty in a room of the operator. */
	public var owner:String;

	/** In the order in which they came. */
	public var members(default, null):Array<Person>;

	/** How many more there are: the server lists the last ones of a crowd. */
	public var unlisted(default, null):Int;

	public function new(name:String, topic:String, owner:String, members:Array<Person>, unlisted:Int) {
		this.name = name;
		this.topic = topic;
		this.owner = owner;
		this.members = members;
		this.unlisted = unlisted;
	}

	public function add(who:Person) {
		members = members.filter(person -> person.aid != who.aid);
		members.push(who);
	}

	public function remove(aid:String) {
		final others = members.filter(person -> person.aid != aid);
		if (others.length == members.length && unlisted > 0) {
			unlisted--;
		}
		members = others;
	}

	public function rename(old:String, to:String) {
		members = members.map(person -> person.aid == old ? person.renamed(to) : person);
		owner = owner == old ? to : owner;
	}

	public function count():Int {
		return members.length + unlisted;
	}

	/** Those who are in the room, for a line of text. */
	public function inWords():String {
		final shown = members.slice(0, MOST_IN_WORDS);
		final names = [for (person in shown) person.label() + (person.aid == owner ? " [owner]" : "")];
		if (count() > shown.length) {
			names.push("and " + (count() - shown.length) + " more");
		}
		return count() + " in " + name + ": " + names.join(", ");
	}

	/** A list of 200 would push all else off the screen. */
	static inline final MOST_IN_WORDS = 20;
}
