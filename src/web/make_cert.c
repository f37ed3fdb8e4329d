/* Makes a certificate of this machine's own and its key, for TLS where no authority knows it.
 *
 * Its key is new every time and signs nothing but this one certificate, so that trusting it trusts
 * this machine alone.
 *
 * SPDX-License-Identifier: GPL-3.0-or-later */
#define _DEFAULT_SOURCE /* gethostname, getifaddrs */
#include <ja/web/make_cert.h>

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <ifaddrs.h>
#include <ja/config/option.h>
#include <ja/core/state.h>
#include <ja/core/text.h>
#include <limits.h>
#include <net/if.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/x509v3.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
    HOST_BYTES = 256,
    NAMES_BYTES = 4096,
    SERIAL_BYTES = 16,
    DAYS = 800, /* Apple's programs take no more than 825 */
    DAY_SECONDS = 24 * 60 * 60,
};

/* --- By what the machine may be called --- */

/* Adds "DNS:stage" to "DNS:localhost,IP:127.0.0.1", as OpenSSL reads it; once. */
static void add_name(struct ja_text *names, const char *name) {
    unsigned char address[sizeof(struct in6_addr)];
    char entry[HOST_BYTES + 8];
    bool is_address =
        inet_pton(AF_INET, name, address) == 1 || inet_pton(AF_INET6, name, address) == 1;
    int length = snprintf(entry, sizeof entry, "%s:%s", is_address ? "IP" : "DNS", name);
    if (!name[0] || length >= (int)sizeof entry || strpbrk(name, ",; \t"))
        return;
    for (const char *at = names->data; (at = strstr(at, entry)); at += length)
        if (at[length] == ',' || at[length] == '\0')
            return;
    ja_text_format(names, "%s%s", names->length > 0 ? "," : "", entry);
}

static void add_own_name(struct ja_text *names) {
    char host[HOST_BYTES], local[HOST_BYTES + 8];
    if (gethostname(host, sizeof host) != 0)
        return;
    host[sizeof host - 1] = '\0';
    add_name(names, host);
    snprintf(local, sizeof local, "%s.local", host);
    if (!strchr(host, '.'))
        add_name(names, local);
}

/* Link-local ones cannot be typed into a browser. */
static void add_addresses(struct ja_text *names) {
    struct ifaddrs *all;
    char text[INET6_ADDRSTRLEN];
    if (getifaddrs(&all) != 0)
        return;
    for (const struct ifaddrs *one = all; one; one = one->ifa_next) {
        int family = one->ifa_addr && (one->ifa_flags & IFF_UP) ? one->ifa_addr->sa_family : 0;
        const void *address =
            family == AF_INET    ? (void *)&((struct sockaddr_in *)one->ifa_addr)->sin_addr
            : family == AF_INET6 ? (void *)&((struct sockaddr_in6 *)one->ifa_addr)->sin6_addr
                                 : NULL;
        if (address && !(family == AF_INET6 && IN6_IS_ADDR_LINKLOCAL((struct in6_addr *)address)) &&
            inet_ntop(family, address, text, sizeof text))
            add_name(names, text);
    }
    freeifaddrs(all);
}

static bool list_names(const char *hosts, struct ja_text *names) {
    add_name(names, "localhost");
    add_own_name(names);
    add_name(names, "127.0.0.1");
    add_name(names, "::1");
    add_addresses(names);
    for (const char *one = ja_list_next(hosts, NULL); one; one = ja_list_next(hosts, one))
        add_name(names, one);
    return !names->full;
}

/* --- The certificate --- */

static bool add_extension(X509 *certificate, int kind, const char *value) {
    X509V3_CTX context;
    X509V3_set_ctx_nodb(&context);
    X509V3_set_ctx(&context, certificate, certificate, NULL, NULL, 0);
    X509_EXTENSION *extension = X509V3_EXT_conf_nid(NULL, &context, kind, value);
    bool done = extension && X509_add_ext(certificate, extension, -1) == 1;
    X509_EXTENSION_free(extension);
    return done;
}

static bool set_serial(X509 *certificate) {
    unsigned char bytes[SERIAL_BYTES];
    if (RAND_bytes(bytes, sizeof bytes) != 1)
        return false;
    bytes[0] = (bytes[0] & 0x7f) | 0x40; /* positive, and always as long */
    BIGNUM *number = BN_bin2bn(bytes, sizeof bytes, NULL);
    bool done = number && BN_to_ASN1_INTEGER(number, X509_get_serialNumber(certificate));
    BN_free(number);
    return done;
}

static bool set_subject(X509 *certificate) {
    static const unsigned char name[] = "jack-analyzer";
    X509_NAME *subject = X509_get_subject_name(certificate);
    return X509_NAME_add_entry_by_txt(subject, "CN", MBSTRING_ASC, name, -1, -1, 0) == 1 &&
           X509_set_issuer_name(certificate, subject) == 1;
}

/* A day earlier than now, for clocks that are behind. */
static bool fill(X509 *certificate, EVP_PKEY *key, const char *names) {
    return X509_set_version(certificate, 2 /* which means 3 */) == 1 && set_serial(certificate) &&
           set_subject(certificate) &&
           X509_gmtime_adj(X509_getm_notBefore(certificate), -DAY_SECONDS) &&
           X509_time_adj_ex(X509_getm_notAfter(certificate), DAYS, 0, NULL) &&
           X509_set_pubkey(certificate, key) == 1 &&
           add_extension(certificate, NID_basic_constraints, "critical,CA:FALSE") &&
           add_extension(certificate, NID_key_usage, "critical,digitalSignature") &&
           add_extension(certificate, NID_ext_key_usage, "serverAuth") &&
           add_extension(certificate, NID_subject_alt_name, names) &&
           X509_sign(certificate, key, EVP_sha256()) > 0;
}

static X509 *make_certificate(EVP_PKEY *key, const char *names) {
    X509 *certificate = X509_new();
    if (certificate && fill(certificate, key, names))
        return certificate;
    X509_free(certificate);
    return NULL;
}

/* --- Files --- */

/* A new file, and nobody's other than the user's. */
static FILE *create(const char *path, mode_t mode, struct ja_error *error) {
    int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, mode);
    FILE *file = fd >= 0 ? fdopen(fd, "w") : NULL;
    if (file)
        return file;
    if (errno == EEXIST)
        ja_fail(error, JA_FAILED, "\"%s\" is there already; a new one is made when it is not",
                path);
    else
        ja_fail(error, JA_FAILED, "cannot make \"%s\": %s", path, strerror(errno));
    return NULL;
}

static enum ja_status finish(FILE *file, bool written, const char *path, struct ja_error *error) {
    if (fclose(file) == 0 && written)
        return JA_OK;
    enum ja_status status =
        ja_fail(error, JA_FAILED, "cannot write \"%s\": %s", path, strerror(errno));
    unlink(path);
    return status;
}

static enum ja_status write_files(X509 *certificate, EVP_PKEY *key, const char *cert_path,
                                  const char *key_path, struct ja_error *error) {
    FILE *cert_file = create(cert_path, 0644, error);
    if (!cert_file)
        return JA_FAILED;
    FILE *key_file = create(key_path, 0600, error);
    enum ja_status status = JA_FAILED;
    if (key_file)
        status =
            finish(key_file, PEM_write_PrivateKey(key_file, key, NULL, NULL, 0, NULL, NULL) == 1,
                   key_path, error);
    if (status == JA_OK)
        return finish(cert_file, PEM_write_X509(cert_file, certificate) == 1, cert_path, error);
    fclose(cert_file);
    unlink(cert_path);
    return status;
}

/* --- What is told of it --- */

static void tell_fingerprint(const X509 *certificate, FILE *out) {
    unsigned char digest[EVP_MAX_MD_SIZE];
    unsigned size = 0;
    X509_digest(certificate, EVP_sha256(), digest, &size);
    for (unsigned i = 0; i < size; i++)
        fprintf(out, "%s%02X", i > 0 ? ":" : "", digest[i]);
    fputs("\n", out);
}

static void tell_end(const X509 *certificate, FILE *out) {
    struct tm end;
    if (ASN1_TIME_to_tm(X509_get0_notAfter(certificate), &end) == 1)
        fprintf(out, "good until    %04d-%02d-%02d\n", end.tm_year + 1900, end.tm_mon + 1,
                end.tm_mday);
}

static void tell(const X509 *certificate, const char *names, const char *cert_path,
                 const char *key_path, FILE *out) {
    fprintf(out, "certificate   %s\nkey           %s\nfor           ", cert_path, key_path);
    for (const char *at = names; at && *at; at = strchr(at, ',') ? strchr(at, ',') + 1 : NULL)
        fprintf(out, "%s%.*s", at > names ? ", " : "", (int)strcspn(strchr(at, ':') + 1, ","),
                strchr(at, ':') + 1);
    fputs("\n", out);
    tell_end(certificate, out);
    fputs("fingerprint   ", out);
    tell_fingerprint(certificate, out);
    fprintf(out,
            "\nIn the configuration:\n"
            "    web: { cert = \"%s\"; key = \"%s\"; };\n"
            "Browsers ask once whether to trust it: compare the fingerprint (SHA-256).\n",
            cert_path, key_path);
}

enum ja_status ja_make_cert(const char *hosts, FILE *out, struct ja_error *error) {
    char cert_path[PATH_MAX], key_path[PATH_MAX], list[NAMES_BYTES];
    struct ja_text names;
    ja_text_init(&names, list, sizeof list);
    if (ja_state_path("web-cert.pem", cert_path, sizeof cert_path, error) != JA_OK ||
        ja_state_path("web-key.pem", key_path, sizeof key_path, error) != JA_OK)
        return JA_FAILED;
    if (!list_names(hosts, &names))
        return ja_fail(error, JA_FAILED, "this machine has too many names and addresses");
    ja_state_make_folders(cert_path); /* without them, making the files tells why */
    EVP_PKEY *key = EVP_EC_gen("P-256");
    X509 *certificate = key ? make_certificate(key, list) : NULL;
    enum ja_status status =
        certificate ? write_files(certificate, key, cert_path, key_path, error)
                    : ja_fail(error, JA_FAILED, "no certificate can be made for %.500s: %s", list,
                              ERR_reason_error_string(ERR_peek_last_error()));
    if (status == JA_OK)
        tell(certificate, list, cert_path, key_path, out);
    X509_free(certificate);
    EVP_PKEY_free(key);
    return status;
}
