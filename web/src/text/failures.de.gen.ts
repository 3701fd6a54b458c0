/** Made from `crates/protocol/src/agent/failures.rs` by `cargo xtask gen`. */
export const failures: Record<string, { title: string; hint?: string }> = {
	AGENT_OFFLINE: {
		title: "Der Agent meldet sich nicht mehr, der Lauf wurde als fehlgeschlagen geschlossen.",
		hint: "Prüfen Sie, ob der Rechner läuft und der Agent gestartet ist.",
	},
	WINDOW_ENDED: {
		title: "Das Zeitfenster des Auftrags war zu Ende, deshalb wurde der Lauf angehalten.",
		hint: "Der nächste macht bei dem weiter, was hochgeladen ist.",
	},
	SCHEDULE_MISSED: {
		title: "Der Rechner hat den Lauf nicht rechtzeitig begonnen, und der Auftrag holt Ausgefallenes nicht nach.",
		hint: "Starten Sie ihn von Hand, oder lassen Sie den Zeitplan Ausgefallenes nachholen.",
	},
	SCHEDULE_WITHDRAWN: {
		title: "Bevor der Lauf begann, wurde sein Auftrag deaktiviert oder der Zeitplan entfernt.",
		hint: "Starten Sie ihn von Hand, wenn er gebraucht wird.",
	},
	CHECKPOINTS_DISABLED: {
		title: "Die virtuelle Maschine erlaubt keine Prüfpunkte, ihre Sicherung ist nur absturzkonsistent.",
	},
	repository_missing: {
		title: "Im Speicher des Tresors fehlt das Repository, das dort sein muss.",
		hint: "Prüfen Sie Bucket, Präfix oder Ordner; es wird nie von selbst neu angelegt.",
	},
	repository_exists: {
		title: "Dort liegt bereits ein Repository, das sich mit dem Passwort dieses Tresors nicht öffnen lässt.",
		hint: "Wählen Sie einen anderen Präfix oder Ordner.",
	},
	wrong_password: {
		title: "Das Passwort des Tresors öffnet sein Repository nicht.",
		hint: "Tragen Sie das richtige in den Einstellungen des Tresors ein.",
	},
	repository_too_new: {
		title: "Das Repository stammt von einer neueren Version, als dieser Agent versteht.",
		hint: "Aktualisieren Sie den Agenten.",
	},
	repository_damaged: {
		title: "Das Repository ist beschädigt oder unvollständig.",
		hint: "Prüfen Sie den Tresor, bevor Sie sich darauf verlassen.",
	},
	repository_locked: {
		title: "Das Repository ist gesperrt, weil sein Format gerade aktualisiert wird.",
		hint: "Warten Sie, bis das beendet ist.",
	},
	maintenance_running: {
		title: "Ein anderes Programm auf diesem Rechner wartet das Repository gerade.",
		hint: "Warten Sie, bis das beendet ist.",
	},
	clock_wrong: {
		title: "Die Uhr dieses Rechners weicht um mehr als fünf Minuten von der des Speichers ab, deshalb darf nichts freigegeben werden.",
		hint: "Stellen Sie die Uhr.",
	},
	lock_not_extended: {
		title: "Die Objektsperren des Tresors konnten nicht verlängert werden.",
		hint: "Erlauben Sie den Schlüsseln des Tresors, Sperren zu setzen, und starten Sie die vollständige Wartung erneut, bevor die Sperren enden.",
	},
	storage_unreachable: {
		title: "Der Speicher ist nicht erreichbar.",
		hint: "Prüfen Sie Adresse, Netzwerk und ob der Dienst läuft.",
	},
	storage_denied: {
		title: "Der Speicher verweigert den Zugriff.",
		hint: "Prüfen Sie die Schlüssel und ihre Rechte für diesen Bucket oder Ordner.",
	},
	storage_not_found: {
		title: "Der Bucket oder Ordner existiert nicht.",
		hint: "Legen Sie ihn an oder korrigieren Sie den Namen.",
	},
	storage_full: {
		title: "Der Speicher ist voll.",
		hint: "Schaffen Sie Platz oder erhöhen Sie die Quote und starten Sie den Lauf erneut.",
	},
	storage_unreliable: {
		title: "Der Speicher hat falsche oder abgeschnittene Daten geliefert.",
		hint: "Verwenden Sie ihn nicht, bevor die Ursache bekannt ist.",
	},
	storage_failed: {
		title: "Der Speicher konnte die Anforderung nicht ausführen; die Meldung nennt den Grund.",
	},
	source_missing: {
		title: "Keiner der Quellpfade konnte gelesen werden.",
		hint: "Korrigieren Sie die Quellen des Auftrags oder die Rechte des Agenten.",
	},
	snapshot_not_found: {
		title: "Der Schnappschuss wurde nicht gefunden: Die Sicherung wurde nicht vollständig, oder er wurde gelöscht.",
	},
	path_not_found: {
		title: "Dieser Pfad existiert nicht.",
	},
	path_denied: {
		title: "Der Agent darf diesen Ordner nicht lesen.",
		hint: "Geben Sie dem Konto des Agenten Zugriff.",
	},
	path_invalid: {
		title: "Der Pfad muss absolut sein und darf kein `..` enthalten.",
	},
	target_failed: {
		title: "Der Zielordner kann nicht geschrieben werden.",
		hint: "Prüfen Sie Pfad, Rechte und freien Platz.",
	},
	transfer_broken: {
		title: "Der Rechner hat mitten im Senden aufgehört, die heruntergeladene Datei ist also nicht vollständig.",
		hint: "Laden Sie sie erneut herunter.",
	},
	transfer_unfetched: {
		title: "Die Datei war bereit, und der Browser hat sie nicht abgeholt.",
		hint: "Laden Sie sie erneut herunter.",
	},
	interrupted: {
		title: "Der Agent wurde dabei angehalten, und der Vorgang darf nicht von selbst wiederholt werden.",
		hint: "Starten Sie ihn erneut.",
	},
	report_refused: {
		title: "Die Arbeit ist beendet, aber der Server hat den Bericht des Agenten abgelehnt.",
		hint: "Suchen Sie die Wiederherstellungspunkte mit „Aktualisieren“ im Tresor, und bringen Sie Agent und Server auf dieselbe Version.",
	},
	cancelled: {
		title: "Dieser Vorgang wurde auf Wunsch angehalten.",
	},
	unknown_command: {
		title: "Diese Version des Agenten kennt den Befehl nicht.",
		hint: "Aktualisieren Sie den Agenten.",
	},
	unknown_engine: {
		title: "Diese Version des Agenten kennt die Art der Sicherung nicht.",
		hint: "Aktualisieren Sie den Agenten.",
	},
	bad_request: {
		title: "Der Auftrag ist ungültig; die Meldung nennt das Feld.",
	},
	result_too_large: {
		title: "Die Antwort ist zu groß.",
		hint: "Fordern Sie eine kleinere Seite an.",
	},
	agent_error: {
		title: "Im Agenten ist ein unerwarteter Fehler aufgetreten.",
		hint: "Sein Protokoll auf dem Rechner sagt mehr.",
	},
};
