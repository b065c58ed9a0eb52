package chat;

/** What a Session tells. */
interface Audience {
	/** We are logged in, on a server that has rooms, or not. */
	function entered(me:Person, rooms:Bool):Void;

	/** The login was refused; the connection is closed. */
	function refused(reason:String):Void;

	/** A newer login has taken this one's place; the connection is closed. */
	function replaced():Void;

	/** The connection ended, or never came to be. */
	function lost(reason:String):Void;

	/** The server did not do what we asked. */
	function failed(reason:String):Void;

	/** Everyone who is online. */
	function listed(people:Array<Person>):Void;

	/** Somebody else came. */
	function came(who:Person):Void;

	/** Somebody else left. */
	function left(aid:String):Void;

	/** A message to us, or one of ours as the server passed it on. */
	function said(message:Message):Void;

	function happened(event:RoomEvent):Void;
}
