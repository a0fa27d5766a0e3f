/* The demo's certificates, as files; see pki.h. */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "drivers/tls/pki.h"
#include "drivers/tls/port.h"
#include "drivers/tls/tls.h"

#define DAY_SECONDS INT64_C(86400)

struct demo {
	const char  *directory;
	int64_t      now_s, until_s;
	struct bytes ca, ca_key;
	char        *error;
	size_t       error_size_bytes;
};

static bool file_write(struct demo *demo, const char *name, struct bytes text, mode_t mode)
{
	char path[PATH_MAX];
	snprintf(path, sizeof(path), "%s/%s", demo->directory, name);
	int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, mode);
	if (fd < 0) {
		snprintf(demo->error, demo->error_size_bytes, "%s: %s", path,
			 strerrordesc_np(errno));
		return false;
	}
	ssize_t wrote = write(fd, text.data, text.size_bytes);
	bool    done  = close(fd) == 0 && wrote == (ssize_t)text.size_bytes;
	if (!done)
		snprintf(demo->error, demo->error_size_bytes, "%s: cannot be written", path);
	return done;
}

static bool pair_write(struct demo *demo, const char *name, struct bytes certificate,
		       struct bytes key)
{
	char certificate_name[64], key_name[64];
	snprintf(certificate_name, sizeof(certificate_name), "%s.pem", name);
	snprintf(key_name, sizeof(key_name), "%s.key", name);
	return file_write(demo, key_name, key, 0600) &&
	       file_write(demo, certificate_name, certificate, 0644);
}

static bool leaf_write(struct demo *demo, const char *file, struct pki_recipe *recipe)
{
	struct bytes certificate, key;
	recipe->path_length  = -1;
	recipe->key_usage    = PKI_DIGITAL_SIGNATURE;
	recipe->not_before_s = demo->now_s - DAY_SECONDS;
	recipe->not_after_s  = demo->until_s;
	bool made = pki_make(recipe, demo->ca, demo->ca_key, &certificate, &key, demo->error,
			     demo->error_size_bytes) &&
		    pair_write(demo, file, certificate, key);
	tls_file_free(&certificate);
	tls_file_free(&key);
	return made;
}

static bool client_write(struct demo *demo, const char *file, const char *uri, uint64_t serial)
{
	const char *const uris[] = { uri, NULL };
	struct pki_recipe recipe = {
		.name = file, .uris = uris, .serial = serial, .extended_usage = PKI_CLIENT_AUTH
	};
	return leaf_write(demo, file, &recipe);
}

static bool server_write(struct demo *demo, const struct pki_demo *wish)
{
	static const char *const local[] = { "localhost", NULL };
	struct pki_recipe        recipe  = { .name = "server",
					     .dns  = wish->server_dns ? wish->server_dns : local,
					     .addresses      = wish->server_addresses,
					     .serial         = 2,
					     .extended_usage = PKI_SERVER_AUTH };
	return leaf_write(demo, "server", &recipe);
}

static bool authority_make(struct demo *demo)
{
	struct pki_recipe recipe = { .name         = "Assay demo authority",
				     .ca           = true,
				     .path_length  = 0,
				     .key_usage    = PKI_CERT_SIGN | PKI_CRL_SIGN,
				     .serial       = 1,
				     .not_before_s = demo->now_s - DAY_SECONDS,
				     .not_after_s  = demo->until_s };
	return pki_make(&recipe, bytes_of(NULL, 0), bytes_of(NULL, 0), &demo->ca, &demo->ca_key,
			demo->error, demo->error_size_bytes) &&
	       pair_write(demo, "ca", demo->ca, demo->ca_key);
}

static bool list_write(struct demo *demo, uint64_t serial)
{
	struct bytes list;
	bool made = pki_make_list(demo->ca, demo->ca_key, &serial, 1, demo->now_s - DAY_SECONDS,
				  demo->until_s, &list, demo->error, demo->error_size_bytes) &&
		    file_write(demo, "crl.pem", list, 0644);
	tls_file_free(&list);
	return made;
}

bool tls_pki_demo(const char *directory, const struct pki_demo *wish, int64_t now_ns, char *error,
		  size_t error_size_bytes)
{
	struct demo demo = { .directory        = directory,
			     .now_s            = now_ns / NS_PER_SECOND,
			     .error            = error,
			     .error_size_bytes = error_size_bytes };
	uint32_t    days = wish->valid_days ? wish->valid_days : 30;

	demo.until_s = demo.now_s + days * DAY_SECONDS;
	tls_port_enter(now_ns);
	if (mkdir(directory, 0700) != 0 && errno != EEXIST) {
		snprintf(error, error_size_bytes, "%s: %s", directory, strerrordesc_np(errno));
		return false;
	}
	const char *first   = wish->client_uri ? wish->client_uri : "urn:assay:demo:client";
	const char *second  = wish->client2_uri ? wish->client2_uri : "urn:assay:demo:client2";
	const char *revoked = wish->revoked_uri ? wish->revoked_uri : "urn:assay:demo:revoked";

	bool made = authority_make(&demo) && server_write(&demo, wish) &&
		    client_write(&demo, "client", first, 3) &&
		    client_write(&demo, "client2", second, 4) &&
		    client_write(&demo, "revoked", revoked, 5) && list_write(&demo, 5);
	tls_file_free(&demo.ca);
	tls_file_free(&demo.ca_key);
	return made;
}
