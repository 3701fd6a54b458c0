import css from "./command-block.module.css";

/** A command to copy; long ones wrap. */
export function CommandBlock({ command }: { command: string }) {
	return (
		<pre className={`mono ${css["block"]}`}>
			<code>{command}</code>
		</pre>
	);
}
