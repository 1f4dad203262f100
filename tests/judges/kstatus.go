package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/fluxcd/cli-utils/pkg/kstatus/status"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

// eachObject calls judge for every object on standard input and prints what it answers, one JSON object a line.
func eachObject(judge func(object map[string]any) (any, error)) error {
	in, out := json.NewDecoder(os.Stdin), json.NewEncoder(os.Stdout)
	for n := 1; ; n++ {
		var object map[string]any
		switch err := in.Decode(&object); {
		case errors.Is(err, io.EOF):
			return nil
		case err != nil:
			return fmt.Errorf("object %d: %w", n, err)
		}
		answer, err := judge(object)
		if err != nil {
			return fmt.Errorf("object %d: %w", n, err)
		}
		if err := out.Encode(answer); err != nil {
			return err
		}
	}
}

type judgement struct {
	Status  string `json:"status"`
	Message string `json:"message"`
}

// integers makes whole numbers int64, as unstructured objects have them.
func integers(value any) any {
	switch value := value.(type) {
	case float64:
		if whole := int64(value); float64(whole) == value {
			return whole
		}
	case map[string]any:
		for key, inner := range value {
			value[key] = integers(inner)
		}
	case []any:
		for at, inner := range value {
			value[at] = integers(inner)
		}
	}
	return value
}

func runKstatus(args []string) error {
	if len(args) != 0 {
		return errors.New("no arguments are taken")
	}
	return eachObject(func(object map[string]any) (any, error) {
		integers(object)
		result, err := status.Compute(&unstructured.Unstructured{Object: object})
		if err != nil {
			return nil, err
		}
		return judgement{string(result.Status), result.Message}, nil
	})
}
