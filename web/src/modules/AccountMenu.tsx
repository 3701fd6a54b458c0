import { Menu, useMantineColorScheme } from "@mantine/core";
import { useQueryClient } from "@tanstack/react-query";
import { useNavigate } from "@tanstack/react-router";
import { useTranslation } from "react-i18next";
import { signOut } from "../api/queries/session.ts";
import { changeLanguage, languages } from "../text/texts.ts";
import { Icon } from "../ui/Icon.tsx";
import { paths } from "../util/paths.ts";
import css from "./account-menu.module.css";

const themes = [
	["light", "light"],
	["dark", "dark"],
	["system", "auto"],
] as const;

/** Each language in its own words. */
const languageNames = { en: "English", de: "Deutsch" } as const;

/** Theme, language and the way out. */
export function AccountMenu({ email }: { email: string }) {
	const { t, i18n } = useTranslation();
	const { colorScheme, setColorScheme } = useMantineColorScheme();
	const queries = useQueryClient();
	const navigate = useNavigate();
	const leave = async () => {
		try {
			await signOut();
		} finally {
			queries.clear();
			await navigate(paths.signIn());
		}
	};
	return (
		<Menu position="top-start" width={200} withInitialFocusPlaceholder={false}>
			<Menu.Target>
				<button type="button" className={css["button"]} aria-label={t("account.menu", { email })}>
					<span className={css["email"]}>{email}</span>
					<Icon name={colorScheme === "dark" ? "moon" : "sun"} />
				</button>
			</Menu.Target>
			<Menu.Dropdown>
				<Menu.Label>{t("account.theme")}</Menu.Label>
				{themes.map(([word, value]) => (
					<Menu.Item
						key={value}
						onClick={() => setColorScheme(value)}
						rightSection={colorScheme === value ? <Icon name="check" /> : null}
					>
						{t(`account.${word}`)}
					</Menu.Item>
				))}
				<Menu.Divider />
				<Menu.Label>{t("account.language")}</Menu.Label>
				{languages.map((language) => (
					<Menu.Item
						key={language}
						lang={language}
						onClick={() => void changeLanguage(language)}
						rightSection={i18n.language === language ? <Icon name="check" /> : null}
					>
						{languageNames[language]}
					</Menu.Item>
				))}
				<Menu.Divider />
				<Menu.Item leftSection={<Icon name="signOut" />} onClick={() => void leave()}>
					{t("account.signOut")}
				</Menu.Item>
			</Menu.Dropdown>
		</Menu>
	);
}
