//! The table of settings.
//!
//! Names, environment variables, keys, types and defaults are ansible-core 2.19's (`ansible-config list`, and the
//! options of its plugins by `ansible-doc`). Left out are those for Windows, for network devices and for Python's own
//! machinery.

/// What values a setting takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// `yes`, `true`, `on`, `1` and their opposites.
    Bool,
    /// An integer.
    Int,
    /// A number.
    Float,
    /// Any text.
    Text,
    /// One of these words.
    Choice(&'static [&'static str]),
    /// Words separated by commas.
    List,
    /// A path; relative ones start at the file that sets it.
    Path,
    /// Paths separated by colons.
    Paths,
    /// Paths separated by commas.
    PathList,
}

/// One line of the table.
#[derive(Debug)]
pub(super) struct Entry {
    pub(super) setting: Setting,
    pub(super) name: &'static str,
    pub(super) kind: Kind,
    pub(super) default: Option<&'static str>,
    pub(super) env: &'static [&'static str],
    pub(super) ini: &'static [&'static str],
}

macro_rules! settings {
    ($($setting:ident $name:literal $kind:expr, $default:expr, $env:expr, $ini:expr;)*) => {
        /// A setting, by the name that it has in the table.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum Setting {
            $(#[doc = concat!("Ansible's `", $name, "`.")] $setting,)*
        }

        /// All settings in the order of [`Setting`].
        pub(super) const TABLE: &[Entry] = &[
            $(Entry { setting: Setting::$setting, name: $name, kind: $kind, default: $default, env: &$env, ini: &$ini },)*
        ];
    };
}

use Kind::{Bool, Choice, Float, Int, List, Path, PathList, Paths, Text};

settings! {
    ActionWarnings "ACTION_WARNINGS" Bool, Some("True"), ["ANSIBLE_ACTION_WARNINGS"], ["defaults.action_warnings"];
    AgnosticBecomePrompt "AGNOSTIC_BECOME_PROMPT" Bool, Some("True"), ["ANSIBLE_AGNOSTIC_BECOME_PROMPT"], ["privilege_escalation.agnostic_become_prompt"];
    AllowBrokenConditionals "ALLOW_BROKEN_CONDITIONALS" Bool, Some("False"), ["ANSIBLE_ALLOW_BROKEN_CONDITIONALS"], ["defaults.allow_broken_conditionals"];
    AllowEmbeddedTemplates "ALLOW_EMBEDDED_TEMPLATES" Bool, Some("True"), ["ANSIBLE_ALLOW_EMBEDDED_TEMPLATES"], ["defaults.allow_embedded_templates"];
    CowAcceptlist "ANSIBLE_COW_ACCEPTLIST" List, Some("bud-frogs,bunny,cheese,daemon,default,dragon,elephant-in-snake,elephant,eyes,hellokitty,kitty,luke-koala,meow,milk,moofasa,moose,ren,sheep,small,stegosaurus,stimpy,supermilker,three-eyes,turkey,turtle,tux,udder,vader-koala,vader,www"), ["ANSIBLE_COW_ACCEPTLIST"], ["defaults.cowsay_enabled_stencils"];
    CowPath "ANSIBLE_COW_PATH" Text, None, ["ANSIBLE_COW_PATH"], ["defaults.cowpath"];
    CowSelection "ANSIBLE_COW_SELECTION" Text, Some("default"), ["ANSIBLE_COW_SELECTION"], ["defaults.cow_selection"];
    ForceColor "ANSIBLE_FORCE_COLOR" Bool, Some("False"), ["ANSIBLE_FORCE_COLOR"], ["defaults.force_color"];
    Home "ANSIBLE_HOME" Path, Some("~/.ansible"), ["ANSIBLE_HOME"], ["defaults.home"];
    NoColor "ANSIBLE_NOCOLOR" Bool, Some("False"), ["ANSIBLE_NOCOLOR", "NO_COLOR"], ["defaults.nocolor"];
    NoCows "ANSIBLE_NOCOWS" Bool, Some("False"), ["ANSIBLE_NOCOWS"], ["defaults.nocows"];
    Pipelining "ANSIBLE_PIPELINING" Bool, Some("False"), ["ANSIBLE_PIPELINING"], ["defaults.pipelining", "connection.pipelining"];
    AnyErrorsFatal "ANY_ERRORS_FATAL" Bool, Some("False"), ["ANSIBLE_ANY_ERRORS_FATAL"], ["defaults.any_errors_fatal"];
    BecomeAllowSameUser "BECOME_ALLOW_SAME_USER" Bool, Some("False"), ["ANSIBLE_BECOME_ALLOW_SAME_USER"], ["privilege_escalation.become_allow_same_user"];
    BecomePasswordFile "BECOME_PASSWORD_FILE" Path, None, ["ANSIBLE_BECOME_PASSWORD_FILE"], ["defaults.become_password_file"];
    BecomePluginPath "BECOME_PLUGIN_PATH" Paths, Some("{{ANSIBLE_HOME}}/plugins/become:/usr/share/ansible/plugins/become"), ["ANSIBLE_BECOME_PLUGINS"], ["defaults.become_plugins"];
    FactCaching "CACHE_PLUGIN" Text, Some("memory"), ["ANSIBLE_CACHE_PLUGIN"], ["defaults.fact_caching"];
    FactCachingConnection "CACHE_PLUGIN_CONNECTION" Text, None, ["ANSIBLE_CACHE_PLUGIN_CONNECTION"], ["defaults.fact_caching_connection"];
    FactCachingPrefix "CACHE_PLUGIN_PREFIX" Text, Some("ansible_facts"), ["ANSIBLE_CACHE_PLUGIN_PREFIX"], ["defaults.fact_caching_prefix"];
    FactCachingTimeout "CACHE_PLUGIN_TIMEOUT" Int, Some("86400"), ["ANSIBLE_CACHE_PLUGIN_TIMEOUT"], ["defaults.fact_caching_timeout"];
    CallbacksEnabled "CALLBACKS_ENABLED" List, None, ["ANSIBLE_CALLBACKS_ENABLED"], ["defaults.callbacks_enabled"];
    CollectionsOnAnsibleVersionMismatch "COLLECTIONS_ON_ANSIBLE_VERSION_MISMATCH" Choice(&["error", "warning", "ignore"]), Some("warning"), ["ANSIBLE_COLLECTIONS_ON_ANSIBLE_VERSION_MISMATCH"], ["defaults.collections_on_ansible_version_mismatch"];
    CollectionsPath "COLLECTIONS_PATHS" Paths, Some("{{ANSIBLE_HOME}}/collections:/usr/share/ansible/collections"), ["ANSIBLE_COLLECTIONS_PATH"], ["defaults.collections_path"];
    CollectionsScanSysPath "COLLECTIONS_SCAN_SYS_PATH" Bool, Some("True"), ["ANSIBLE_COLLECTIONS_SCAN_SYS_PATH"], ["defaults.collections_scan_sys_path"];
    ColorChanged "COLOR_CHANGED" Text, Some("yellow"), ["ANSIBLE_COLOR_CHANGED"], ["colors.changed"];
    ColorConsolePrompt "COLOR_CONSOLE_PROMPT" Text, Some("white"), ["ANSIBLE_COLOR_CONSOLE_PROMPT"], ["colors.console_prompt"];
    ColorDebug "COLOR_DEBUG" Text, Some("dark gray"), ["ANSIBLE_COLOR_DEBUG"], ["colors.debug"];
    ColorDeprecate "COLOR_DEPRECATE" Text, Some("purple"), ["ANSIBLE_COLOR_DEPRECATE"], ["colors.deprecate"];
    ColorDiffAdd "COLOR_DIFF_ADD" Text, Some("green"), ["ANSIBLE_COLOR_DIFF_ADD"], ["colors.diff_add"];
    ColorDiffLines "COLOR_DIFF_LINES" Text, Some("cyan"), ["ANSIBLE_COLOR_DIFF_LINES"], ["colors.diff_lines"];
    ColorDiffRemove "COLOR_DIFF_REMOVE" Text, Some("red"), ["ANSIBLE_COLOR_DIFF_REMOVE"], ["colors.diff_remove"];
    ColorDocConstant "COLOR_DOC_CONSTANT" Text, Some("dark gray"), ["ANSIBLE_COLOR_DOC_CONSTANT"], ["colors.doc_constant"];
    ColorDocDeprecated "COLOR_DOC_DEPRECATED" Text, Some("magenta"), ["ANSIBLE_COLOR_DOC_DEPRECATED"], ["colors.doc_deprecated"];
    ColorDocLink "COLOR_DOC_LINK" Text, Some("cyan"), ["ANSIBLE_COLOR_DOC_LINK"], ["colors.doc_link"];
    ColorDocModule "COLOR_DOC_MODULE" Text, Some("yellow"), ["ANSIBLE_COLOR_DOC_MODULE"], ["colors.doc_module"];
    ColorDocPlugin "COLOR_DOC_PLUGIN" Text, Some("yellow"), ["ANSIBLE_COLOR_DOC_PLUGIN"], ["colors.doc_plugin"];
    ColorDocReference "COLOR_DOC_REFERENCE" Text, Some("magenta"), ["ANSIBLE_COLOR_DOC_REFERENCE"], ["colors.doc_reference"];
    ColorError "COLOR_ERROR" Text, Some("red"), ["ANSIBLE_COLOR_ERROR"], ["colors.error"];
    ColorHighlight "COLOR_HIGHLIGHT" Text, Some("white"), ["ANSIBLE_COLOR_HIGHLIGHT"], ["colors.highlight"];
    ColorIncluded "COLOR_INCLUDED" Text, Some("cyan"), ["ANSIBLE_COLOR_INCLUDED"], ["colors.included"];
    ColorOk "COLOR_OK" Text, Some("green"), ["ANSIBLE_COLOR_OK"], ["colors.ok"];
    ColorSkip "COLOR_SKIP" Text, Some("cyan"), ["ANSIBLE_COLOR_SKIP"], ["colors.skip"];
    ColorUnreachable "COLOR_UNREACHABLE" Text, Some("bright red"), ["ANSIBLE_COLOR_UNREACHABLE"], ["colors.unreachable"];
    ColorVerbose "COLOR_VERBOSE" Text, Some("blue"), ["ANSIBLE_COLOR_VERBOSE"], ["colors.verbose"];
    ColorWarn "COLOR_WARN" Text, Some("bright purple"), ["ANSIBLE_COLOR_WARN"], ["colors.warn"];
    ConnectionPasswordFile "CONNECTION_PASSWORD_FILE" Path, None, ["ANSIBLE_CONNECTION_PASSWORD_FILE"], ["defaults.connection_password_file"];
    ActionPluginPath "DEFAULT_ACTION_PLUGIN_PATH" Paths, Some("{{ANSIBLE_HOME}}/plugins/action:/usr/share/ansible/plugins/action"), ["ANSIBLE_ACTION_PLUGINS"], ["defaults.action_plugins"];
    AllowUnsafeLookups "DEFAULT_ALLOW_UNSAFE_LOOKUPS" Bool, Some("False"), [], ["defaults.allow_unsafe_lookups"];
    AskPass "DEFAULT_ASK_PASS" Bool, Some("False"), ["ANSIBLE_ASK_PASS"], ["defaults.ask_pass"];
    AskVaultPass "DEFAULT_ASK_VAULT_PASS" Bool, Some("False"), ["ANSIBLE_ASK_VAULT_PASS"], ["defaults.ask_vault_pass"];
    Become "DEFAULT_BECOME" Bool, Some("False"), ["ANSIBLE_BECOME"], ["privilege_escalation.become"];
    BecomeAskPass "DEFAULT_BECOME_ASK_PASS" Bool, Some("False"), ["ANSIBLE_BECOME_ASK_PASS"], ["privilege_escalation.become_ask_pass"];
    BecomeExe "DEFAULT_BECOME_EXE" Text, None, ["ANSIBLE_BECOME_EXE"], ["privilege_escalation.become_exe"];
    BecomeFlags "DEFAULT_BECOME_FLAGS" Text, Some(""), ["ANSIBLE_BECOME_FLAGS"], ["privilege_escalation.become_flags"];
    BecomeMethod "DEFAULT_BECOME_METHOD" Text, Some("sudo"), ["ANSIBLE_BECOME_METHOD"], ["privilege_escalation.become_method"];
    BecomeUser "DEFAULT_BECOME_USER" Text, Some("root"), ["ANSIBLE_BECOME_USER"], ["privilege_escalation.become_user"];
    CachePluginPath "DEFAULT_CACHE_PLUGIN_PATH" Paths, Some("{{ANSIBLE_HOME}}/plugins/cache:/usr/share/ansible/plugins/cache"), ["ANSIBLE_CACHE_PLUGINS"], ["defaults.cache_plugins"];
    CallbackPluginPath "DEFAULT_CALLBACK_PLUGIN_PATH" Paths, Some("{{ANSIBLE_HOME}}/plugins/callback:/usr/share/ansible/plugins/callback"), ["ANSIBLE_CALLBACK_PLUGINS"], ["defaults.callback_plugins"];
    ConnectionPluginPath "DEFAULT_CONNECTION_PLUGIN_PATH" Paths, Some("{{ANSIBLE_HOME}}/plugins/connection:/usr/share/ansible/plugins/connection"), ["ANSIBLE_CONNECTION_PLUGINS"], ["defaults.connection_plugins"];
    Debug "DEFAULT_DEBUG" Bool, Some("False"), ["ANSIBLE_DEBUG"], ["defaults.debug"];
    Executable "DEFAULT_EXECUTABLE" Text, Some("/bin/sh"), ["ANSIBLE_EXECUTABLE"], ["defaults.executable"];
    FilterPluginPath "DEFAULT_FILTER_PLUGIN_PATH" Paths, Some("{{ANSIBLE_HOME}}/plugins/filter:/usr/share/ansible/plugins/filter"), ["ANSIBLE_FILTER_PLUGINS"], ["defaults.filter_plugins"];
    ForceHandlers "DEFAULT_FORCE_HANDLERS" Bool, Some("False"), ["ANSIBLE_FORCE_HANDLERS"], ["defaults.force_handlers"];
    Forks "DEFAULT_FORKS" Int, Some("5"), ["ANSIBLE_FORKS"], ["defaults.forks"];
    Gathering "DEFAULT_GATHERING" Choice(&["implicit", "explicit", "smart"]), Some("implicit"), ["ANSIBLE_GATHERING"], ["defaults.gathering"];
    HashBehaviour "DEFAULT_HASH_BEHAVIOUR" Choice(&["replace", "merge"]), Some("replace"), ["ANSIBLE_HASH_BEHAVIOUR"], ["defaults.hash_behaviour"];
    Inventory "DEFAULT_HOST_LIST" PathList, Some("/etc/ansible/hosts"), ["ANSIBLE_INVENTORY"], ["defaults.inventory"];
    InventoryPluginPath "DEFAULT_INVENTORY_PLUGIN_PATH" Paths, Some("{{ANSIBLE_HOME}}/plugins/inventory:/usr/share/ansible/plugins/inventory"), ["ANSIBLE_INVENTORY_PLUGINS"], ["defaults.inventory_plugins"];
    Jinja2Extensions "DEFAULT_JINJA2_EXTENSIONS" List, None, ["ANSIBLE_JINJA2_EXTENSIONS"], ["defaults.jinja2_extensions"];
    Jinja2Native "DEFAULT_JINJA2_NATIVE" Bool, Some("True"), ["ANSIBLE_JINJA2_NATIVE"], ["defaults.jinja2_native"];
    KeepRemoteFiles "DEFAULT_KEEP_REMOTE_FILES" Bool, Some("False"), ["ANSIBLE_KEEP_REMOTE_FILES"], ["defaults.keep_remote_files"];
    LocalTmp "DEFAULT_LOCAL_TMP" Path, Some("{{ANSIBLE_HOME}}/tmp"), ["ANSIBLE_LOCAL_TEMP"], ["defaults.local_tmp"];
    LogFilter "DEFAULT_LOG_FILTER" List, None, ["ANSIBLE_LOG_FILTER"], ["defaults.log_filter"];
    LogPath "DEFAULT_LOG_PATH" Path, None, ["ANSIBLE_LOG_PATH"], ["defaults.log_path"];
    LookupPluginPath "DEFAULT_LOOKUP_PLUGIN_PATH" Paths, Some("{{ANSIBLE_HOME}}/plugins/lookup:/usr/share/ansible/plugins/lookup"), ["ANSIBLE_LOOKUP_PLUGINS"], ["defaults.lookup_plugins"];
    AnsibleManaged "DEFAULT_MANAGED_STR" Text, Some("Ansible managed"), [], ["defaults.ansible_managed"];
    ModuleArgs "DEFAULT_MODULE_ARGS" Text, None, ["ANSIBLE_MODULE_ARGS"], ["defaults.module_args"];
    ModuleCompression "DEFAULT_MODULE_COMPRESSION" Text, Some("ZIP_DEFLATED"), [], ["defaults.module_compression"];
    ModuleName "DEFAULT_MODULE_NAME" Text, Some("command"), [], ["defaults.module_name"];
    Library "DEFAULT_MODULE_PATH" Paths, Some("{{ANSIBLE_HOME}}/plugins/modules:/usr/share/ansible/plugins/modules"), ["ANSIBLE_LIBRARY"], ["defaults.library"];
    ModuleUtilsPath "DEFAULT_MODULE_UTILS_PATH" Paths, Some("{{ANSIBLE_HOME}}/plugins/module_utils:/usr/share/ansible/plugins/module_utils"), ["ANSIBLE_MODULE_UTILS"], ["defaults.module_utils"];
    NoLog "DEFAULT_NO_LOG" Bool, Some("False"), ["ANSIBLE_NO_LOG"], ["defaults.no_log"];
    NoTargetSyslog "DEFAULT_NO_TARGET_SYSLOG" Bool, Some("False"), ["ANSIBLE_NO_TARGET_SYSLOG"], ["defaults.no_target_syslog"];
    NullRepresentation "DEFAULT_NULL_REPRESENTATION" Text, None, ["ANSIBLE_NULL_REPRESENTATION"], ["defaults.null_representation"];
    PollInterval "DEFAULT_POLL_INTERVAL" Int, Some("15"), ["ANSIBLE_POLL_INTERVAL"], ["defaults.poll_interval"];
    PrivateKeyFile "DEFAULT_PRIVATE_KEY_FILE" Path, None, ["ANSIBLE_PRIVATE_KEY_FILE"], ["defaults.private_key_file"];
    PrivateRoleVars "DEFAULT_PRIVATE_ROLE_VARS" Bool, Some("False"), ["ANSIBLE_PRIVATE_ROLE_VARS"], ["defaults.private_role_vars"];
    RemotePort "DEFAULT_REMOTE_PORT" Int, None, ["ANSIBLE_REMOTE_PORT"], ["defaults.remote_port"];
    RemoteUser "DEFAULT_REMOTE_USER" Text, None, ["ANSIBLE_REMOTE_USER"], ["defaults.remote_user"];
    RolesPath "DEFAULT_ROLES_PATH" Paths, Some("{{ANSIBLE_HOME}}/roles:/usr/share/ansible/roles:/etc/ansible/roles"), ["ANSIBLE_ROLES_PATH"], ["defaults.roles_path"];
    SelinuxSpecialFs "DEFAULT_SELINUX_SPECIAL_FS" List, Some("fuse,nfs,vboxsf,ramfs,9p,vfat"), ["ANSIBLE_SELINUX_SPECIAL_FS"], ["selinux.special_context_filesystems"];
    StdoutCallback "DEFAULT_STDOUT_CALLBACK" Text, Some("default"), ["ANSIBLE_STDOUT_CALLBACK"], ["defaults.stdout_callback"];
    Strategy "DEFAULT_STRATEGY" Text, Some("linear"), ["ANSIBLE_STRATEGY"], ["defaults.strategy"];
    StrategyPluginPath "DEFAULT_STRATEGY_PLUGIN_PATH" Paths, Some("{{ANSIBLE_HOME}}/plugins/strategy:/usr/share/ansible/plugins/strategy"), ["ANSIBLE_STRATEGY_PLUGINS"], ["defaults.strategy_plugins"];
    Su "DEFAULT_SU" Bool, Some("False"), ["ANSIBLE_SU"], ["defaults.su"];
    SyslogFacility "DEFAULT_SYSLOG_FACILITY" Text, Some("LOG_USER"), ["ANSIBLE_SYSLOG_FACILITY"], ["defaults.syslog_facility"];
    TestPluginPath "DEFAULT_TEST_PLUGIN_PATH" Paths, Some("{{ANSIBLE_HOME}}/plugins/test:/usr/share/ansible/plugins/test"), ["ANSIBLE_TEST_PLUGINS"], ["defaults.test_plugins"];
    Timeout "DEFAULT_TIMEOUT" Int, Some("10"), ["ANSIBLE_TIMEOUT"], ["defaults.timeout"];
    Transport "DEFAULT_TRANSPORT" Text, Some("ssh"), ["ANSIBLE_TRANSPORT"], ["defaults.transport"];
    ErrorOnUndefinedVars "DEFAULT_UNDEFINED_VAR_BEHAVIOR" Bool, Some("True"), ["ANSIBLE_ERROR_ON_UNDEFINED_VARS"], ["defaults.error_on_undefined_vars"];
    VarsPluginPath "DEFAULT_VARS_PLUGIN_PATH" Paths, Some("{{ANSIBLE_HOME}}/plugins/vars:/usr/share/ansible/plugins/vars"), ["ANSIBLE_VARS_PLUGINS"], ["defaults.vars_plugins"];
    VaultEncryptIdentity "DEFAULT_VAULT_ENCRYPT_IDENTITY" Text, None, ["ANSIBLE_VAULT_ENCRYPT_IDENTITY"], ["defaults.vault_encrypt_identity"];
    VaultIdentity "DEFAULT_VAULT_IDENTITY" Text, Some("default"), ["ANSIBLE_VAULT_IDENTITY"], ["defaults.vault_identity"];
    VaultIdentityList "DEFAULT_VAULT_IDENTITY_LIST" List, None, ["ANSIBLE_VAULT_IDENTITY_LIST"], ["defaults.vault_identity_list"];
    VaultIdMatch "DEFAULT_VAULT_ID_MATCH" Text, Some("False"), ["ANSIBLE_VAULT_ID_MATCH"], ["defaults.vault_id_match"];
    VaultPasswordFile "DEFAULT_VAULT_PASSWORD_FILE" Path, None, ["ANSIBLE_VAULT_PASSWORD_FILE"], ["defaults.vault_password_file"];
    Verbosity "DEFAULT_VERBOSITY" Int, Some("0"), ["ANSIBLE_VERBOSITY"], ["defaults.verbosity"];
    DeprecationWarnings "DEPRECATION_WARNINGS" Bool, Some("True"), ["ANSIBLE_DEPRECATION_WARNINGS"], ["defaults.deprecation_warnings"];
    DevelWarning "DEVEL_WARNING" Bool, Some("True"), ["ANSIBLE_DEVEL_WARNING"], ["defaults.devel_warning"];
    DiffAlways "DIFF_ALWAYS" Bool, Some("False"), ["ANSIBLE_DIFF_ALWAYS"], ["diff.always"];
    DiffContext "DIFF_CONTEXT" Int, Some("3"), ["ANSIBLE_DIFF_CONTEXT"], ["diff.context"];
    DisplayArgsToStdout "DISPLAY_ARGS_TO_STDOUT" Bool, Some("False"), ["ANSIBLE_DISPLAY_ARGS_TO_STDOUT"], ["defaults.display_args_to_stdout"];
    DisplaySkippedHosts "DISPLAY_SKIPPED_HOSTS" Bool, Some("True"), ["ANSIBLE_DISPLAY_SKIPPED_HOSTS"], ["defaults.display_skipped_hosts"];
    DisplayTraceback "DISPLAY_TRACEBACK" List, Some("never"), ["ANSIBLE_DISPLAY_TRACEBACK"], ["defaults.display_traceback"];
    DocsiteRootUrl "DOCSITE_ROOT_URL" Text, Some("https://docs.ansible.com/ansible-core/"), [], ["defaults.docsite_root_url"];
    DocFragmentPluginPath "DOC_FRAGMENT_PLUGIN_PATH" Paths, Some("{{ANSIBLE_HOME}}/plugins/doc_fragments:/usr/share/ansible/plugins/doc_fragments"), ["ANSIBLE_DOC_FRAGMENT_PLUGINS"], ["defaults.doc_fragment_plugins"];
    DuplicateDictKey "DUPLICATE_YAML_DICT_KEY" Choice(&["error", "warn", "ignore"]), Some("warn"), ["ANSIBLE_DUPLICATE_YAML_DICT_KEY"], ["defaults.duplicate_dict_key"];
    Editor "EDITOR" Text, Some("vi"), ["ANSIBLE_EDITOR", "EDITOR"], ["defaults.editor"];
    EnableTaskDebugger "ENABLE_TASK_DEBUGGER" Bool, Some("False"), ["ANSIBLE_ENABLE_TASK_DEBUGGER"], ["defaults.enable_task_debugger"];
    ErrorOnMissingHandler "ERROR_ON_MISSING_HANDLER" Bool, Some("True"), ["ANSIBLE_ERROR_ON_MISSING_HANDLER"], ["defaults.error_on_missing_handler"];
    FactsModules "FACTS_MODULES" List, Some("smart"), ["ANSIBLE_FACTS_MODULES"], ["defaults.facts_modules"];
    GalaxyCacheDir "GALAXY_CACHE_DIR" Path, Some("{{ANSIBLE_HOME}}/galaxy_cache"), ["ANSIBLE_GALAXY_CACHE_DIR"], ["galaxy.cache_dir"];
    GalaxyCollectionsPathWarning "GALAXY_COLLECTIONS_PATH_WARNING" Bool, Some("True"), ["ANSIBLE_GALAXY_COLLECTIONS_PATH_WARNING"], ["galaxy.collections_path_warning"];
    GalaxyCollectionImportPollFactor "GALAXY_COLLECTION_IMPORT_POLL_FACTOR" Float, Some("1.5"), ["ANSIBLE_GALAXY_COLLECTION_IMPORT_POLL_FACTOR"], [];
    GalaxyCollectionImportPollInterval "GALAXY_COLLECTION_IMPORT_POLL_INTERVAL" Float, Some("2.0"), ["ANSIBLE_GALAXY_COLLECTION_IMPORT_POLL_INTERVAL"], [];
    GalaxyCollectionSkeleton "GALAXY_COLLECTION_SKELETON" Path, None, ["ANSIBLE_GALAXY_COLLECTION_SKELETON"], ["galaxy.collection_skeleton"];
    GalaxyCollectionSkeletonIgnore "GALAXY_COLLECTION_SKELETON_IGNORE" List, Some("^.git$,^.*/.git_keep$"), ["ANSIBLE_GALAXY_COLLECTION_SKELETON_IGNORE"], ["galaxy.collection_skeleton_ignore"];
    GalaxyDisableGpgVerify "GALAXY_DISABLE_GPG_VERIFY" Bool, Some("False"), ["ANSIBLE_GALAXY_DISABLE_GPG_VERIFY"], ["galaxy.disable_gpg_verify"];
    GalaxyDisplayProgress "GALAXY_DISPLAY_PROGRESS" Bool, None, ["ANSIBLE_GALAXY_DISPLAY_PROGRESS"], ["galaxy.display_progress"];
    GalaxyGpgKeyring "GALAXY_GPG_KEYRING" Path, None, ["ANSIBLE_GALAXY_GPG_KEYRING"], ["galaxy.gpg_keyring"];
    GalaxyIgnoreCerts "GALAXY_IGNORE_CERTS" Bool, None, ["ANSIBLE_GALAXY_IGNORE"], ["galaxy.ignore_certs"];
    GalaxyIgnoreInvalidSignatureStatusCodes "GALAXY_IGNORE_INVALID_SIGNATURE_STATUS_CODES" List, None, ["ANSIBLE_GALAXY_IGNORE_SIGNATURE_STATUS_CODES"], ["galaxy.ignore_signature_status_codes"];
    GalaxyRequiredValidSignatureCount "GALAXY_REQUIRED_VALID_SIGNATURE_COUNT" Text, Some("1"), ["ANSIBLE_GALAXY_REQUIRED_VALID_SIGNATURE_COUNT"], ["galaxy.required_valid_signature_count"];
    GalaxyRoleSkeleton "GALAXY_ROLE_SKELETON" Path, None, ["ANSIBLE_GALAXY_ROLE_SKELETON"], ["galaxy.role_skeleton"];
    GalaxyRoleSkeletonIgnore "GALAXY_ROLE_SKELETON_IGNORE" List, Some("^.git$,^.*/.git_keep$"), ["ANSIBLE_GALAXY_ROLE_SKELETON_IGNORE"], ["galaxy.role_skeleton_ignore"];
    GalaxyServer "GALAXY_SERVER" Text, Some("https://galaxy.ansible.com"), ["ANSIBLE_GALAXY_SERVER"], ["galaxy.server"];
    GalaxyServerList "GALAXY_SERVER_LIST" List, None, ["ANSIBLE_GALAXY_SERVER_LIST"], ["galaxy.server_list"];
    GalaxyServerTimeout "GALAXY_SERVER_TIMEOUT" Int, Some("60"), ["ANSIBLE_GALAXY_SERVER_TIMEOUT"], ["galaxy.server_timeout"];
    GalaxyTokenPath "GALAXY_TOKEN_PATH" Path, Some("{{ANSIBLE_HOME}}/galaxy_token"), ["ANSIBLE_GALAXY_TOKEN_PATH"], ["galaxy.token_path"];
    HostKeyChecking "HOST_KEY_CHECKING" Bool, Some("True"), ["ANSIBLE_HOST_KEY_CHECKING"], ["defaults.host_key_checking"];
    HostPatternMismatch "HOST_PATTERN_MISMATCH" Choice(&["error", "warning", "ignore"]), Some("warning"), ["ANSIBLE_HOST_PATTERN_MISMATCH"], ["inventory.host_pattern_mismatch"];
    InjectFactsAsVars "INJECT_FACTS_AS_VARS" Bool, Some("True"), ["ANSIBLE_INJECT_FACT_VARS"], ["defaults.inject_facts_as_vars"];
    InterpreterPython "INTERPRETER_PYTHON" Text, Some("auto"), ["ANSIBLE_PYTHON_INTERPRETER"], ["defaults.interpreter_python"];
    InvalidTaskAttributeFailed "INVALID_TASK_ATTRIBUTE_FAILED" Bool, Some("True"), ["ANSIBLE_INVALID_TASK_ATTRIBUTE_FAILED"], ["defaults.invalid_task_attribute_failed"];
    InventoryAnyUnparsedIsFailed "INVENTORY_ANY_UNPARSED_IS_FAILED" Bool, Some("False"), ["ANSIBLE_INVENTORY_ANY_UNPARSED_IS_FAILED"], ["inventory.any_unparsed_is_failed"];
    InventoryEnabled "INVENTORY_ENABLED" List, Some("host_list,script,auto,yaml,ini,toml"), ["ANSIBLE_INVENTORY_ENABLED"], ["inventory.enable_plugins"];
    InventoryExport "INVENTORY_EXPORT" Bool, Some("False"), ["ANSIBLE_INVENTORY_EXPORT"], ["inventory.export"];
    InventoryIgnoreExts "INVENTORY_IGNORE_EXTS" List, Some(".pyc,.pyo,.swp,.bak,~,.rpm,.md,.txt,.rst,.orig,.cfg,.retry"), ["ANSIBLE_INVENTORY_IGNORE"], ["defaults.inventory_ignore_extensions", "inventory.ignore_extensions"];
    InventoryIgnorePatterns "INVENTORY_IGNORE_PATTERNS" List, None, ["ANSIBLE_INVENTORY_IGNORE_REGEX"], ["defaults.inventory_ignore_patterns", "inventory.ignore_patterns"];
    InventoryUnparsedIsFailed "INVENTORY_UNPARSED_IS_FAILED" Bool, Some("False"), ["ANSIBLE_INVENTORY_UNPARSED_FAILED"], ["inventory.unparsed_is_failed"];
    InventoryUnparsedWarning "INVENTORY_UNPARSED_WARNING" Bool, Some("True"), ["ANSIBLE_INVENTORY_UNPARSED_WARNING"], ["inventory.inventory_unparsed_warning"];
    LocalhostWarning "LOCALHOST_WARNING" Bool, Some("True"), ["ANSIBLE_LOCALHOST_WARNING"], ["defaults.localhost_warning"];
    LogVerbosity "LOG_VERBOSITY" Int, None, ["ANSIBLE_LOG_VERBOSITY"], ["defaults.log_verbosity"];
    MaxFileSizeForDiff "MAX_FILE_SIZE_FOR_DIFF" Int, Some("104448"), ["ANSIBLE_MAX_DIFF_SIZE"], ["defaults.max_diff_size"];
    ModuleIgnoreExts "MODULE_IGNORE_EXTS" List, Some(".pyc,.pyo,.swp,.bak,~,.rpm,.md,.txt,.rst,.yaml,.yml,.ini"), ["ANSIBLE_MODULE_IGNORE_EXTS"], ["defaults.module_ignore_exts"];
    OldPluginCacheClearing "OLD_PLUGIN_CACHE_CLEARING" Bool, Some("False"), ["ANSIBLE_OLD_PLUGIN_CACHE_CLEAR"], ["defaults.old_plugin_cache_clear"];
    Pager "PAGER" Text, Some("less"), ["ANSIBLE_PAGER", "PAGER"], ["defaults.pager"];
    ParamikoHostKeyAutoAdd "PARAMIKO_HOST_KEY_AUTO_ADD" Bool, Some("False"), ["ANSIBLE_PARAMIKO_HOST_KEY_AUTO_ADD"], ["paramiko_connection.host_key_auto_add"];
    ParamikoLookForKeys "PARAMIKO_LOOK_FOR_KEYS" Bool, Some("True"), ["ANSIBLE_PARAMIKO_LOOK_FOR_KEYS"], ["paramiko_connection.look_for_keys"];
    PlaybookDir "PLAYBOOK_DIR" Path, None, ["ANSIBLE_PLAYBOOK_DIR"], ["defaults.playbook_dir"];
    PlaybookVarsRoot "PLAYBOOK_VARS_ROOT" Choice(&["top", "bottom", "all"]), Some("top"), ["ANSIBLE_PLAYBOOK_VARS_ROOT"], ["defaults.playbook_vars_root"];
    PluginFiltersCfg "PLUGIN_FILTERS_CFG" Path, None, [], ["defaults.plugin_filters_cfg"];
    RetryFilesEnabled "RETRY_FILES_ENABLED" Bool, Some("False"), ["ANSIBLE_RETRY_FILES_ENABLED"], ["defaults.retry_files_enabled"];
    RetryFilesSavePath "RETRY_FILES_SAVE_PATH" Path, None, ["ANSIBLE_RETRY_FILES_SAVE_PATH"], ["defaults.retry_files_save_path"];
    RunVarsPlugins "RUN_VARS_PLUGINS" Choice(&["demand", "start"]), Some("demand"), ["ANSIBLE_RUN_VARS_PLUGINS"], ["defaults.run_vars_plugins"];
    ShowCustomStats "SHOW_CUSTOM_STATS" Bool, Some("False"), ["ANSIBLE_SHOW_CUSTOM_STATS"], ["defaults.show_custom_stats"];
    SshAgent "SSH_AGENT" Text, Some("none"), ["ANSIBLE_SSH_AGENT"], ["connection.ssh_agent"];
    SshAgentExecutable "SSH_AGENT_EXECUTABLE" Text, Some("ssh-agent"), ["ANSIBLE_SSH_AGENT_EXECUTABLE"], ["connection.ssh_agent_executable"];
    SshAgentKeyLifetime "SSH_AGENT_KEY_LIFETIME" Int, None, ["ANSIBLE_SSH_AGENT_KEY_LIFETIME"], ["connection.ssh_agent_key_lifetime"];
    StringTypeFilters "STRING_TYPE_FILTERS" List, Some("string,to_json,to_nice_json,to_yaml,to_nice_yaml,ppretty,json"), ["ANSIBLE_STRING_TYPE_FILTERS"], ["jinja2.dont_type_filters"];
    SystemWarnings "SYSTEM_WARNINGS" Bool, Some("True"), ["ANSIBLE_SYSTEM_WARNINGS"], ["defaults.system_warnings"];
    TagsRun "TAGS_RUN" List, None, ["ANSIBLE_RUN_TAGS"], ["tags.run"];
    TagsSkip "TAGS_SKIP" List, None, ["ANSIBLE_SKIP_TAGS"], ["tags.skip"];
    TargetLogInfo "TARGET_LOG_INFO" Text, None, ["ANSIBLE_TARGET_LOG_INFO"], ["defaults.target_log_info"];
    TaskDebuggerIgnoreErrors "TASK_DEBUGGER_IGNORE_ERRORS" Bool, Some("True"), ["ANSIBLE_TASK_DEBUGGER_IGNORE_ERRORS"], ["defaults.task_debugger_ignore_errors"];
    TaskTimeout "TASK_TIMEOUT" Int, Some("0"), ["ANSIBLE_TASK_TIMEOUT"], ["defaults.task_timeout"];
    ForceValidGroupNames "TRANSFORM_INVALID_GROUP_CHARS" Choice(&["always", "never", "ignore", "silently"]), Some("never"), ["ANSIBLE_TRANSFORM_INVALID_GROUP_CHARS"], ["defaults.force_valid_group_names"];
    ValidateActionGroupMetadata "VALIDATE_ACTION_GROUP_METADATA" Bool, Some("True"), ["ANSIBLE_VALIDATE_ACTION_GROUP_METADATA"], ["defaults.validate_action_group_metadata"];
    VariablePluginsEnabled "VARIABLE_PLUGINS_ENABLED" List, Some("host_group_vars"), ["ANSIBLE_VARS_ENABLED"], ["defaults.vars_plugins_enabled"];
    VariablePrecedence "VARIABLE_PRECEDENCE" List, Some("all_inventory,groups_inventory,all_plugins_inventory,all_plugins_play,groups_plugins_inventory,groups_plugins_play"), ["ANSIBLE_PRECEDENCE"], ["defaults.precedence"];
    VaultEncryptSalt "VAULT_ENCRYPT_SALT" Text, None, ["ANSIBLE_VAULT_ENCRYPT_SALT"], ["defaults.vault_encrypt_salt"];
    VerboseToStderr "VERBOSE_TO_STDERR" Bool, Some("False"), ["ANSIBLE_VERBOSE_TO_STDERR"], ["defaults.verbose_to_stderr"];
    YamlFilenameExtensions "YAML_FILENAME_EXTENSIONS" List, Some(".yml,.yaml,.json"), ["ANSIBLE_YAML_FILENAME_EXT"], ["defaults.yaml_valid_extensions"];
    TemplarUntrustedTemplateBehavior "_TEMPLAR_UNTRUSTED_TEMPLATE_BEHAVIOR" Choice(&["warning", "fail", "ignore"]), Some("ignore"), ["_ANSIBLE_TEMPLAR_UNTRUSTED_TEMPLATE_BEHAVIOR"], [];
    // Plugins' own options.
    SshControlPath "connection.ssh.control_path" Text, None, ["ANSIBLE_SSH_CONTROL_PATH"], ["ssh_connection.control_path"];
    SshControlPathDir "connection.ssh.control_path_dir" Text, Some("~/.ansible/cp"), ["ANSIBLE_SSH_CONTROL_PATH_DIR"], ["ssh_connection.control_path_dir"];
    SshHostKeyChecking "connection.ssh.host_key_checking" Bool, Some("True"), ["ANSIBLE_HOST_KEY_CHECKING", "ANSIBLE_SSH_HOST_KEY_CHECKING"], ["defaults.host_key_checking", "ssh_connection.host_key_checking"];
    SshPasswordMechanism "connection.ssh.password_mechanism" Choice(&["ssh_askpass", "sshpass", "disable"]), Some("ssh_askpass"), ["ANSIBLE_SSH_PASSWORD_MECHANISM"], ["ssh_connection.password_mechanism"];
    SshPipelining "connection.ssh.pipelining" Bool, Some("False"), ["ANSIBLE_PIPELINING", "ANSIBLE_SSH_PIPELINING"], ["defaults.pipelining", "connection.pipelining", "ssh_connection.pipelining"];
    SshPkcs11Provider "connection.ssh.pkcs11_provider" Text, Some(""), ["ANSIBLE_PKCS11_PROVIDER"], ["ssh_connection.pkcs11_provider"];
    SshPort "connection.ssh.port" Int, None, ["ANSIBLE_REMOTE_PORT"], ["defaults.remote_port"];
    SshPrivateKey "connection.ssh.private_key" Text, None, ["ANSIBLE_PRIVATE_KEY"], [];
    SshPrivateKeyFile "connection.ssh.private_key_file" Text, None, ["ANSIBLE_PRIVATE_KEY_FILE"], ["defaults.private_key_file"];
    SshPrivateKeyPassphrase "connection.ssh.private_key_passphrase" Text, None, ["ANSIBLE_PRIVATE_KEY_PASSPHRASE"], [];
    SshReconnectionRetries "connection.ssh.reconnection_retries" Int, Some("0"), ["ANSIBLE_SSH_RETRIES"], ["connection.retries", "ssh_connection.retries"];
    SshRemoteUser "connection.ssh.remote_user" Text, None, ["ANSIBLE_REMOTE_USER"], ["defaults.remote_user"];
    SshScpExecutable "connection.ssh.scp_executable" Text, Some("scp"), ["ANSIBLE_SCP_EXECUTABLE"], ["ssh_connection.scp_executable"];
    SshScpExtraArgs "connection.ssh.scp_extra_args" Text, Some(""), ["ANSIBLE_SCP_EXTRA_ARGS"], ["ssh_connection.scp_extra_args"];
    SshSftpBatchMode "connection.ssh.sftp_batch_mode" Bool, Some("True"), ["ANSIBLE_SFTP_BATCH_MODE"], ["ssh_connection.sftp_batch_mode"];
    SshSftpExecutable "connection.ssh.sftp_executable" Text, Some("sftp"), ["ANSIBLE_SFTP_EXECUTABLE"], ["ssh_connection.sftp_executable"];
    SshSftpExtraArgs "connection.ssh.sftp_extra_args" Text, Some(""), ["ANSIBLE_SFTP_EXTRA_ARGS"], ["ssh_connection.sftp_extra_args"];
    SshArgs "connection.ssh.ssh_args" Text, Some("-C -o ControlMaster=auto -o ControlPersist=60s"), ["ANSIBLE_SSH_ARGS"], ["ssh_connection.ssh_args"];
    SshCommonArgs "connection.ssh.ssh_common_args" Text, Some(""), ["ANSIBLE_SSH_COMMON_ARGS"], ["ssh_connection.ssh_common_args"];
    SshExecutable "connection.ssh.ssh_executable" Text, Some("ssh"), ["ANSIBLE_SSH_EXECUTABLE"], ["ssh_connection.ssh_executable"];
    SshExtraArgs "connection.ssh.ssh_extra_args" Text, Some(""), ["ANSIBLE_SSH_EXTRA_ARGS"], ["ssh_connection.ssh_extra_args"];
    SshTransferMethod "connection.ssh.ssh_transfer_method" Choice(&["piped", "scp", "sftp", "smart"]), Some("smart"), ["ANSIBLE_SSH_TRANSFER_METHOD"], ["ssh_connection.transfer_method"];
    SshSshpassPrompt "connection.ssh.sshpass_prompt" Text, Some(""), ["ANSIBLE_SSHPASS_PROMPT"], ["ssh_connection.sshpass_prompt"];
    SshTimeout "connection.ssh.timeout" Int, Some("10"), ["ANSIBLE_TIMEOUT", "ANSIBLE_SSH_TIMEOUT"], ["defaults.timeout", "ssh_connection.timeout"];
    SshUseTty "connection.ssh.use_tty" Bool, Some("True"), ["ANSIBLE_SSH_USETTY"], ["ssh_connection.usetty"];
    SshVerbosity "connection.ssh.verbosity" Int, Some("0"), ["ANSIBLE_SSH_VERBOSITY"], ["ssh_connection.verbosity"];
    SudoBecomeExe "become.sudo.become_exe" Text, Some("sudo"), ["ANSIBLE_BECOME_EXE", "ANSIBLE_SUDO_EXE"], ["privilege_escalation.become_exe", "sudo_become_plugin.executable"];
    SudoBecomeFlags "become.sudo.become_flags" Text, Some("-H -S -n"), ["ANSIBLE_BECOME_FLAGS", "ANSIBLE_SUDO_FLAGS"], ["privilege_escalation.become_flags", "sudo_become_plugin.flags"];
    SudoBecomePass "become.sudo.become_pass" Text, None, ["ANSIBLE_BECOME_PASS", "ANSIBLE_SUDO_PASS"], ["sudo_become_plugin.password"];
    SudoBecomeUser "become.sudo.become_user" Text, Some("root"), ["ANSIBLE_BECOME_USER", "ANSIBLE_SUDO_USER"], ["privilege_escalation.become_user", "sudo_become_plugin.user"];
    SudoChdir "become.sudo.sudo_chdir" Text, None, ["ANSIBLE_SUDO_CHDIR"], ["sudo_become_plugin.chdir"];
    SuBecomeExe "become.su.become_exe" Text, Some("su"), ["ANSIBLE_BECOME_EXE", "ANSIBLE_SU_EXE"], ["privilege_escalation.become_exe", "su_become_plugin.executable"];
    SuBecomeFlags "become.su.become_flags" Text, Some(""), ["ANSIBLE_BECOME_FLAGS", "ANSIBLE_SU_FLAGS"], ["privilege_escalation.become_flags", "su_become_plugin.flags"];
    SuBecomePass "become.su.become_pass" Text, None, ["ANSIBLE_BECOME_PASS", "ANSIBLE_SU_PASS"], ["su_become_plugin.password"];
    SuBecomeUser "become.su.become_user" Text, Some("root"), ["ANSIBLE_BECOME_USER", "ANSIBLE_SU_USER"], ["privilege_escalation.become_user", "su_become_plugin.user"];
    FactCachingRedisKeysetName "cache.redis._keyset_name" Text, Some("ansible_cache_keys"), ["ANSIBLE_CACHE_REDIS_KEYSET_NAME"], ["defaults.fact_caching_redis_keyset_name"];
    SuPromptL10n "become.su.prompt_l10n" List, None, ["ANSIBLE_SU_PROMPT_L10N"], ["su_become_plugin.localized_prompts"];
    CallbackCheckModeMarkers "callback.default.check_mode_markers" Bool, Some("False"), ["ANSIBLE_CHECK_MODE_MARKERS"], ["defaults.check_mode_markers"];
    CallbackDisplayFailedStderr "callback.default.display_failed_stderr" Bool, Some("False"), ["ANSIBLE_DISPLAY_FAILED_STDERR"], ["defaults.display_failed_stderr"];
    CallbackDisplayOkHosts "callback.default.display_ok_hosts" Bool, Some("True"), ["ANSIBLE_DISPLAY_OK_HOSTS"], ["defaults.display_ok_hosts"];
    CallbackPrettyResults "callback.default.pretty_results" Bool, None, ["ANSIBLE_CALLBACK_FORMAT_PRETTY"], ["defaults.callback_format_pretty"];
    CallbackResultFormat "callback.default.result_format" Choice(&["json", "yaml"]), Some("json"), ["ANSIBLE_CALLBACK_RESULT_FORMAT"], ["defaults.callback_result_format"];
    CallbackShowPerHostStart "callback.default.show_per_host_start" Bool, Some("False"), ["ANSIBLE_SHOW_PER_HOST_START"], ["defaults.show_per_host_start"];
    CallbackShowTaskPathOnFailure "callback.default.show_task_path_on_failure" Bool, Some("False"), ["ANSIBLE_SHOW_TASK_PATH_ON_FAILURE"], ["defaults.show_task_path_on_failure"];
    ShellAdminUsers "shell.sh.admin_users" List, Some("root,toor"), ["ANSIBLE_ADMIN_USERS"], ["defaults.admin_users"];
    ShellAsyncDir "shell.sh.async_dir" Text, Some("~/.ansible_async"), ["ANSIBLE_ASYNC_DIR"], ["defaults.async_dir"];
    ShellCommonRemoteGroup "shell.sh.common_remote_group" Text, None, ["ANSIBLE_COMMON_REMOTE_GROUP"], ["defaults.common_remote_group"];
    ShellRemoteTmp "shell.sh.remote_tmp" Text, Some("~/.ansible/tmp"), ["ANSIBLE_REMOTE_TEMP", "ANSIBLE_REMOTE_TMP"], ["defaults.remote_tmp"];
    ShellSystemTmpdirs "shell.sh.system_tmpdirs" List, Some("/var/tmp,/tmp"), ["ANSIBLE_SYSTEM_TMPDIRS"], ["defaults.system_tmpdirs"];
    ShellWorldReadableTemp "shell.sh.world_readable_temp" Bool, Some("False"), ["ANSIBLE_SHELL_ALLOW_WORLD_READABLE_TEMP"], ["defaults.allow_world_readable_tmpfiles"];
    InventoryScriptAlwaysShowStderr "inventory.script.always_show_stderr" Bool, Some("True"), ["ANSIBLE_INVENTORY_PLUGIN_SCRIPT_STDERR"], ["inventory_plugin_script.always_show_stderr"];
    InventoryUseExtraVars "inventory.constructed.use_extra_vars" Bool, Some("False"), ["ANSIBLE_INVENTORY_USE_EXTRA_VARS"], ["inventory_plugins.use_extra_vars"];
    InventoryYamlExtensions "inventory.yaml.yaml_extensions" List, Some(".yaml,.yml,.json"), ["ANSIBLE_YAML_FILENAME_EXT", "ANSIBLE_INVENTORY_PLUGIN_EXTS"], ["defaults.yaml_valid_extensions", "inventory_plugin_yaml.yaml_valid_extensions"];
    HostGroupVarsValidExtensions "vars.host_group_vars._valid_extensions" List, Some(".yml,.yaml,.json"), ["ANSIBLE_YAML_FILENAME_EXT"], ["defaults.yaml_valid_extensions"];
    HostGroupVarsStage "vars.host_group_vars.stage" Choice(&["all", "task", "inventory"]), None, ["ANSIBLE_VARS_PLUGIN_STAGE"], ["vars_host_group_vars.stage"];
}

impl Setting {
    pub(super) fn entry(self) -> Option<&'static Entry> {
        TABLE.get(self as usize)
    }

    /// All settings.
    pub fn all() -> impl Iterator<Item = Setting> {
        TABLE.iter().map(|entry| entry.setting)
    }

    /// Its name as `ansible-config dump` prints it; a plugin's option as `type.plugin.option`.
    pub fn name(self) -> &'static str {
        self.entry().map_or("", |entry| entry.name)
    }

    /// What values it takes.
    pub fn kind(self) -> Kind {
        self.entry().map_or(Kind::Text, |entry| entry.kind)
    }

    /// Its default as text, in which `{{ANSIBLE_HOME}}` may stand; `None` if it is not set by default.
    pub fn default_text(self) -> Option<&'static str> {
        self.entry().and_then(|entry| entry.default)
    }

    /// Environment variables that set it; of several that are set, the last one counts.
    pub fn env(self) -> &'static [&'static str] {
        self.entry().map_or(&[], |entry| entry.env)
    }

    /// Keys of `ansible.cfg` that set it, as `section.key`; of several, the last one counts.
    pub fn ini(self) -> &'static [&'static str] {
        self.entry().map_or(&[], |entry| entry.ini)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_setting_finds_its_own_line() {
        for setting in Setting::all() {
            assert_eq!(setting.entry().map(|entry| entry.setting), Some(setting));
        }
    }
}
