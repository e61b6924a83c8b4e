//  code - the error codes of the wire, and a fault: what was wrong, and where.

#ifndef CODE_H_INCLUDED
#define CODE_H_INCLUDED

typedef enum {
    CODE_OK,
    CODE_BAD_REQUEST,
    CODE_UNKNOWN_OP,
    CODE_BAD_CHANNEL,
    CODE_TOO_LARGE,
    CODE_NOT_FOUND,
    CODE_UNSAFE,
    CODE_DENIED,
    CODE_BUSY,             //  nothing was stored or changed; retry_ms
    CODE_UNAVAILABLE,      //  nothing was stored or changed; retry_ms
    CODE_UNKNOWN_OUTCOME,  //  it may have been; retry_ms
    CODE_COUNT
} code_t;

typedef struct {
    code_t code;
    int index;          //  of the message at fault in a publish; -1: none
    unsigned retry_ms;  //  0: none
    char message[200];  //  one line
} fault_t;

//  The code's name on the wire.
const char *code_name (code_t code);

//  Fills the fault and returns -1, so that a check can end in `return fault_set (...)`.
int fault_set (fault_t *self, code_t code, const char *format, ...) __attribute__ ((format (printf, 3, 4)));

#endif
