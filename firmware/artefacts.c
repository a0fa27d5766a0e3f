#include "firmware/artefacts.h"
#include "firmware/live.h"
#include "firmware/new_file.h"
#include "runtime/base/digest.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

static const struct {
	const char *name, *extension;
	bool        of_bytes; /* the digest is SHA-256 of the content */
} kinds[ARTEFACT_KIND_COUNT] = {
	[ARTEFACT_CONFIG] = { "config", "cfg", false },
	[ARTEFACT_MODEL]  = { "model", "bin", true },
	[ARTEFACT_RULES]  = { "rules", "rules", true },
	[ARTEFACT_SHADOW] = { "shadow", "bin", true },
};

__attribute__((format(printf, 2, 3))) static bool refuse(char *error, const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(error, ARTEFACTS_ERROR_BYTES, format, arguments);
	va_end(arguments);
	return false;
}

void artefacts_name(char out[DISK_NAME_BYTES_MAX], enum artefact_kind kind,
		    const uint8_t digest[DIGEST_BYTES])
{
	char hex[2 * DIGEST_BYTES + 1];

	digest_hex(digest, hex);
	snprintf(out, DISK_NAME_BYTES_MAX, "%s-%s.%s", kinds[kind].name, hex,
		 kinds[kind].extension);
}

bool artefacts_open(struct disk_real *store, const char *audit_directory, bool writable,
		    char error[ARTEFACTS_ERROR_BYTES])
{
	char path[4096];
	int  rc;

	if (snprintf(path, sizeof(path), "%s/artefacts", audit_directory) >= (int)sizeof(path))
		return refuse(error, "%s: the name is too long", audit_directory);
	rc = disk_real_open(store, path, writable);
	if (rc < 0)
		return refuse(error, "%s: %s", path, strerrordesc_np(-rc));
	rc = writable ? new_file_sweep(&store->disk) : 0;
	if (rc == 0)
		return true;
	disk_real_close(store);
	return refuse(error, "%s: %s", path, strerrordesc_np(-rc));
}

static bool is_digest_of(const uint8_t digest[DIGEST_BYTES], struct bytes content)
{
	uint8_t       found[DIGEST_BYTES];
	struct digest state;

	digest_init(&state);
	digest_add(&state, content.data, content.size_bytes);
	digest_end(&state, found);
	return memcmp(found, digest, DIGEST_BYTES) == 0;
}

/* ---- reading */

static bool read_whole(struct disk *store, int file, const char *name, struct bytes *content,
		       char *error)
{
	int64_t  size = store->ops->size(store, file);
	int64_t  n    = size;
	uint8_t *memory;

	if (size < 0)
		return refuse(error, "%s: %s", name, strerrordesc_np((int)-size));
	if ((uint64_t)size > ARTEFACT_BYTES_MAX)
		return refuse(error, "%s: it is larger than any artefact", name);
	memory = malloc(size > 0 ? (size_t)size : 1);
	if (memory == NULL)
		return refuse(error, "%s: no memory for %ld bytes", name, (long)size);
	n = store->ops->read(store, file, 0, memory, (size_t)size);
	if (n != size) {
		free(memory);
		return refuse(error, "%s: %s", name,
			      n < 0 ? strerrordesc_np((int)-n) : "it became shorter");
	}
	*content = bytes_of(memory, (size_t)size);
	return true;
}

/* Whatever is there under the name. */
static bool fetch(struct disk *store, const char *name, struct bytes *content, char *error)
{
	int  file = store->ops->open(store, name, false);
	bool good;

	if (file < 0)
		return refuse(error, "%s: %s", name, strerrordesc_np(-file));
	good = read_whole(store, file, name, content, error);
	store->ops->close(store, file);
	return good;
}

bool artefacts_get(struct disk *store, enum artefact_kind kind, const uint8_t digest[DIGEST_BYTES],
		   struct bytes *content, char error[ARTEFACTS_ERROR_BYTES])
{
	char name[DISK_NAME_BYTES_MAX];

	artefacts_name(name, kind, digest);
	if (!fetch(store, name, content, error))
		return false;
	if (!kinds[kind].of_bytes || is_digest_of(digest, *content))
		return true;
	free((void *)(uintptr_t)content->data);
	return refuse(error, "%s: the bytes in it do not have the digest in its name", name);
}

/* ---- writing */

static bool write_new(struct disk *store, const char *name, struct bytes content, char *error)
{
	struct new_file new_file;
	int             rc = new_file_begin(&new_file, store, name);

	if (rc == 0)
		rc = new_file_write(&new_file, 0, content);
	if (rc == 0)
		rc = new_file_commit(&new_file);
	if (rc == 0)
		return true;
	new_file_drop(&new_file);
	return refuse(error, "%s: %s", name, strerrordesc_np(-rc));
}

/* There already: of a content with a digest of its own, the same bytes, else the disk
 * has damaged it, and what decisions referred to is gone. */
static bool check_old(struct disk *store, enum artefact_kind kind,
		      const uint8_t digest[DIGEST_BYTES], char *error)
{
	struct bytes old;

	if (!artefacts_get(store, kind, digest, &old, error))
		return false;
	free((void *)(uintptr_t)old.data);
	return true;
}

bool artefacts_put(struct disk *store, enum artefact_kind kind, const uint8_t digest[DIGEST_BYTES],
		   struct bytes content, char error[ARTEFACTS_ERROR_BYTES])
{
	char name[DISK_NAME_BYTES_MAX];
	int  file;

	artefacts_name(name, kind, digest);
	if (kinds[kind].of_bytes && !is_digest_of(digest, content))
		return refuse(error, "%s: the bytes to keep do not have this digest", name);
	file = store->ops->open(store, name, false);
	if (file == -ENOENT)
		return write_new(store, name, content, error);
	if (file < 0)
		return refuse(error, "%s: %s", name, strerrordesc_np(-file));
	store->ops->close(store, file);
	return check_old(store, kind, digest, error);
}

/* ---- from files */

/* Map a file; the caller unmaps.  An empty one is refused: no artefact is. */
static bool map(const char *path, struct bytes *out, char *error)
{
	struct stat st;
	void       *memory = MAP_FAILED;
	int         fd     = open(path, O_RDONLY | O_CLOEXEC);

	if (fd < 0)
		return refuse(error, "cannot read %s: %s", path, strerrordesc_np(errno));
	if (fstat(fd, &st) == 0 && st.st_size > 0)
		memory = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
	close(fd);
	if (memory == MAP_FAILED)
		return refuse(error, "cannot read %s: it is empty or cannot be mapped", path);
	*out = bytes_of(memory, (size_t)st.st_size);
	return true;
}

static void unmap(struct bytes content)
{
	munmap((void *)(uintptr_t)content.data, content.size_bytes);
}

bool artefacts_put_file(struct disk *store, enum artefact_kind kind,
			const uint8_t digest[DIGEST_BYTES], const char *path,
			char error[ARTEFACTS_ERROR_BYTES])
{
	struct bytes content;
	bool         good;

	if (!map(path, &content, error))
		return false;
	good = artefacts_put(store, kind, digest, content, error);
	unmap(content);
	return good;
}

/* ---- shadows and lives */

void artefacts_shadow_digest(const struct artefact_digests *shadow, uint8_t out[DIGEST_BYTES])
{
	struct digest state;

	static_assert(sizeof(*shadow) == 3 * DIGEST_BYTES, "three digests and nothing else");
	digest_init(&state);
	digest_add(&state, shadow, sizeof(*shadow));
	digest_end(&state, out);
}

bool artefacts_put_shadow(struct disk *store, const struct artefact_digests *shadow,
			  char error[ARTEFACTS_ERROR_BYTES])
{
	uint8_t digest[DIGEST_BYTES];

	artefacts_shadow_digest(shadow, digest);
	return artefacts_put(store, ARTEFACT_SHADOW, digest, bytes_of(shadow, sizeof(*shadow)),
			     error);
}

/* The text is read anew, so it may be another one by now. */
static bool is_config(const char *path, struct bytes text, const uint8_t digest[DIGEST_BYTES],
		      char *error)
{
	struct config       *config = malloc(sizeof(*config));
	struct config_error *errors = malloc(sizeof(*errors));
	uint8_t              found[DIGEST_BYTES];
	bool                 same = false;

	if (config != NULL && errors != NULL &&
	    config_load_text(path, text.data, text.size_bytes, config, errors)) {
		config_digest(config, found);
		same = memcmp(found, digest, DIGEST_BYTES) == 0;
	}
	free(config);
	free(errors);
	return same || refuse(error, "%s changed while it was being loaded; try again", path);
}

static bool put_config(struct disk *store, const uint8_t digest[DIGEST_BYTES], const char *path,
		       char *error)
{
	struct bytes text;
	bool         good;

	if (!map(path, &text, error))
		return false;
	good = is_config(path, text, digest, error) &&
	       artefacts_put(store, ARTEFACT_CONFIG, digest, text, error);
	unmap(text);
	return good;
}

/* What the config names; nothing where it names none. */
static bool put_named(struct disk *store, enum artefact_kind kind,
		      const uint8_t digest[DIGEST_BYTES], const char *path,
		      char error[ARTEFACTS_ERROR_BYTES])
{
	return path[0] == '\0' || artefacts_put_file(store, kind, digest, path, error);
}

bool artefacts_put_live(struct disk *store, const struct live *live, const char *config_path,
			char error[ARTEFACTS_ERROR_BYTES])
{
	const struct config        *config = &live->config;
	const struct config_shadow *shadow = &config->shadow;

	return put_config(store, live->brain.digests.config, config_path, error) &&
	       put_named(store, ARTEFACT_MODEL, live->brain.digests.model, config->model.file,
			 error) &&
	       put_named(store, ARTEFACT_RULES, live->brain.digests.rules, config->rules.file,
			 error) &&
	       (!live->has_shadow || (put_named(store, ARTEFACT_MODEL, live->shadow.digests.model,
						shadow->model_file, error) &&
				      put_named(store, ARTEFACT_RULES, live->shadow.digests.rules,
						shadow->rules_file, error) &&
				      artefacts_put_shadow(store, &live->shadow.digests, error)));
}
