#include "config/flatten.h"

#include <libconfig.h>
#include <stdio.h>
#include <string.h>

#include "config/prescan.h"

/* The prescan counts brackets as libconfig does, so this is only reached when the
 * two disagree; then the setting is left out and an ERROR says so. */
#define LEVELS_MAX (PRESCAN_DEPTH_MAX + 2)

struct walk {
	struct level {
		const config_setting_t *setting;
		int                     next;       /* child to visit */
		size_t                  path_bytes; /* of its own path */
	} levels[LEVELS_MAX];
	int  depth;
	char path[STREAM_PATH_BYTES_MAX + 1];
};

/* A second wall behind the prescan. */
static const char **refuse_include(config_t *config, const char *directory, const char *path,
				   const char **error)
{
	(void)config, (void)directory, (void)path;
	*error = "@include is refused";
	return NULL;
}

/* A name that does not fit is cut: no key is that long.  Half an index would be no path
 * at all, so it is left off; what it is in is unknown already. */
static size_t path_append(struct walk *walk, const config_setting_t *setting, int index)
{
	size_t      used = walk->levels[walk->depth].path_bytes;
	const char *name = config_setting_name(setting);
	int         added;

	if (name == NULL)
		added = snprintf(walk->path + used, sizeof(walk->path) - used, "[%d]", index);
	else
		added = snprintf(walk->path + used, sizeof(walk->path) - used, "%s%s",
				 used > 0 ? "." : "", name);
	if (used + (size_t)added < sizeof(walk->path))
		return used + (size_t)added;
	if (name != NULL)
		return sizeof(walk->path) - 1;
	walk->path[used] = '\0';
	return used;
}

static void put_setting(const config_setting_t *setting, const char *path, struct stream *out)
{
	uint32_t    line = config_setting_source_line(setting);
	uint8_t     flag;
	int64_t     integer;
	double      real;
	const char *text;

	switch (config_setting_type(setting)) {
	case CONFIG_TYPE_GROUP: stream_put(out, STREAM_GROUP, path, line, NULL, 0); break;
	case CONFIG_TYPE_LIST:
	case CONFIG_TYPE_ARRAY: stream_put(out, STREAM_LIST, path, line, NULL, 0); break;
	case CONFIG_TYPE_BOOL:
		flag = config_setting_get_bool(setting) != 0;
		stream_put(out, STREAM_FLAG, path, line, &flag, sizeof(flag));
		break;
	case CONFIG_TYPE_INT:
	case CONFIG_TYPE_INT64:
		integer = config_setting_get_int64(setting);
		stream_put(out, STREAM_INTEGER, path, line, &integer, sizeof(integer));
		break;
	case CONFIG_TYPE_FLOAT:
		real = config_setting_get_float(setting);
		stream_put(out, STREAM_REAL, path, line, &real, sizeof(real));
		break;
	case CONFIG_TYPE_STRING:
		text = config_setting_get_string(setting);
		stream_put(out, STREAM_TEXT, path, line, text, strlen(text));
		break;
	default: break;
	}
}

static void put_error(const char *words, uint32_t line, struct stream *out)
{
	stream_put(out, STREAM_ERROR, "", line, words, strlen(words));
}

static void walk_tree(const config_setting_t *root, struct stream *out)
{
	struct walk walk = { .levels[0] = { .setting = root } };

	while (walk.depth >= 0) {
		struct level           *level   = &walk.levels[walk.depth];
		int                     index   = level->next++;
		const config_setting_t *setting = config_setting_get_elem(level->setting,
									  (unsigned)index);
		size_t                  path_bytes;

		if (setting == NULL) {
			walk.depth--;
			continue;
		}
		walk.path[level->path_bytes] = '\0';
		path_bytes                   = path_append(&walk, setting, index);
		put_setting(setting, walk.path, out);
		if (!config_setting_is_aggregate(setting))
			continue;
		if (walk.depth + 1 == LEVELS_MAX) {
			put_error("nested too deep", config_setting_source_line(setting), out);
			return;
		}
		walk.levels[++walk.depth] = (struct level){ .setting    = setting,
							    .path_bytes = path_bytes };
	}
}

void flatten(const char *text, struct stream *out)
{
	config_t config;

	config_init(&config);
	config_set_include_func(&config, refuse_include);
	if (config_read_string(&config, text) == CONFIG_TRUE)
		walk_tree(config_root_setting(&config), out);
	else
		put_error(config_error_text(&config), (uint32_t)config_error_line(&config), out);
	config_destroy(&config);
	stream_put(out, STREAM_END, "", 0, NULL, 0);
}
