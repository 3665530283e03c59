/*
 * A security key for tests: OpenSSH loads it as SSH_SK_PROVIDER (sk-api.h, PROTOCOL.u2f). Its signature waits until the file $TOUCHED is there, and is none.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct sk_enroll_response {
  uint8_t flags;
  uint8_t *public_key;
  size_t public_key_len;
  uint8_t *key_handle;
  size_t key_handle_len;
  uint8_t *signature;
  size_t signature_len;
  uint8_t *attestation_cert;
  size_t attestation_cert_len;
  uint8_t *authdata;
  size_t authdata_len;
};

uint32_t sk_api_version(void) { return 0x000a0000; }

static uint8_t *copy(const char *text, size_t length) { return memcpy(malloc(length), text, length); }

int sk_enroll(uint32_t algorithm, const uint8_t *challenge, size_t challenge_len, const char *application,
              uint8_t flags, const char *pin, void *options, struct sk_enroll_response **response) {
  struct sk_enroll_response *enrolled = calloc(1, sizeof *enrolled);
  enrolled->flags = flags;
  enrolled->public_key = memset(malloc(32), 0x66, 32); /* the base point of Ed25519 */
  enrolled->public_key[0] = 0x58;
  enrolled->public_key_len = 32;
  enrolled->key_handle = copy("handle", enrolled->key_handle_len = 6);
  enrolled->signature = copy("none", enrolled->signature_len = 4);
  *response = enrolled;
  return 0;
}

int sk_sign(uint32_t algorithm, const uint8_t *data, size_t data_len, const char *application,
            const uint8_t *key_handle, size_t key_handle_len, uint8_t flags, const char *pin, void *options,
            void **response) {
  while (access(getenv("TOUCHED"), F_OK) != 0) usleep(20000);
  return -1;
}

int sk_load_resident_keys(const char *pin, void *options, void ***keys, size_t *count) { return -1; }
