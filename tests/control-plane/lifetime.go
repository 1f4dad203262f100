package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"
	"time"
)

const (
	// How long an orderly end may take before the process ends anyway.
	shutdownLimit = 10 * time.Second
	// How long the servers may take to become ready; a busy machine is slow, a broken one must not hang.
	readyLimit = 2 * time.Minute
)

// errBroken marks an end that nobody asked for.
var errBroken = errors.New("broken")

// lifetime returns a context that ends with SIGTERM, SIGINT or, if asked, the end of standard input: whoever started this
// process holds the other end of the pipe, so nothing is left behind even when that process is killed.
// From that moment the process has shutdownLimit to leave.
func lifetime(exitWithStdin bool) context.Context {
	ctx, cancel := context.WithCancelCause(context.Background())
	signals := make(chan os.Signal, 1)
	signal.Notify(signals, syscall.SIGTERM, syscall.SIGINT)
	go func() {
		s := <-signals
		cancel(fmt.Errorf("received %s", s))
	}()
	if exitWithStdin {
		go func() {
			_, _ = io.Copy(io.Discard, os.Stdin)
			cancel(errors.New("standard input closed"))
		}()
	}
	context.AfterFunc(ctx, func() {
		fmt.Fprintf(os.Stderr, "control-plane: %v, stopping\n", context.Cause(ctx))
		time.AfterFunc(shutdownLimit, func() {
			fmt.Fprintf(os.Stderr, "control-plane: still not stopped after %s, leaving\n", shutdownLimit)
			os.Exit(0)
		})
	})
	return ctx
}

// poll calls check until it succeeds, the context ends or the server reports that it ended; the last error says why it was not ready.
func poll(ctx context.Context, ended <-chan error, check func(context.Context) error) error {
	ctx, cancel := context.WithTimeoutCause(ctx, readyLimit, fmt.Errorf("not ready after %s", readyLimit))
	defer cancel()
	for {
		last := check(ctx)
		if last == nil {
			return nil
		}
		select {
		case err := <-ended:
			return fmt.Errorf("ended before it was ready: %w", err)
		case <-ctx.Done():
			return fmt.Errorf("%w: %w", context.Cause(ctx), last)
		case <-time.After(50 * time.Millisecond):
		}
	}
}

// end waits for the server to have ended and says whether it was asked to.
func end(ctx context.Context, server string, ended <-chan error) error {
	err := <-ended
	if ctx.Err() == nil {
		return fmt.Errorf("%s ended by itself: %w", server, errors.Join(errBroken, err))
	}
	if cause := context.Cause(ctx); errors.Is(cause, errBroken) {
		return cause
	}
	return nil
}
