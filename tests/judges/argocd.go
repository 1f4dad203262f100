package main

import (
	"errors"
	"fmt"
	"os"

	lua "github.com/yuin/gopher-lua"
)

// Argo CD's health states (gitops-engine/pkg/health).
var healthStates = map[string]bool{
	"Unknown": true, "Progressing": true, "Suspended": true, "Healthy": true, "Degraded": true, "Missing": true,
}

// What Argo CD opens for a health script (argo-cd/util/lua/lua.go): no os, no io, no clock beyond what these hold.
var openLibraries = []struct {
	name string
	open lua.LGFunction
}{
	{lua.LoadLibName, lua.OpenPackage},
	{lua.BaseLibName, lua.OpenBase},
	{lua.TabLibName, lua.OpenTable},
}

func runArgoCD(args []string) error {
	if len(args) != 1 {
		return errors.New("one script, please")
	}
	script, err := os.ReadFile(args[0])
	if err != nil {
		return err
	}
	return eachObject(func(object map[string]any) (any, error) { return health(string(script), object) })
}

func health(script string, object map[string]any) (*judgement, error) {
	state := lua.NewState(lua.Options{SkipOpenLibs: true})
	defer state.Close()
	for _, library := range openLibraries {
		call := lua.P{Fn: state.NewFunction(library.open), NRet: 0, Protect: true}
		if err := state.CallByParam(call, lua.LString(library.name)); err != nil {
			return nil, err
		}
	}
	state.SetGlobal("obj", decode(state, object))
	if err := state.DoString(script); err != nil {
		return nil, err
	}
	returned, ok := state.Get(-1).(*lua.LTable)
	if !ok {
		return nil, fmt.Errorf("the script returned a %s and no table", state.Get(-1).Type())
	}
	answer := &judgement{lua.LVAsString(returned.RawGetString("status")), lua.LVAsString(returned.RawGetString("message"))}
	if !healthStates[answer.Status] {
		return nil, fmt.Errorf("%q is no health state of Argo CD", answer.Status)
	}
	return answer, nil
}

func decode(state *lua.LState, value any) lua.LValue {
	switch value := value.(type) {
	case bool:
		return lua.LBool(value)
	case float64:
		return lua.LNumber(value)
	case string:
		return lua.LString(value)
	case []any:
		table := state.CreateTable(len(value), 0)
		for _, inner := range value {
			table.Append(decode(state, inner))
		}
		return table
	case map[string]any:
		table := state.CreateTable(0, len(value))
		for key, inner := range value {
			table.RawSetString(key, decode(state, inner))
		}
		return table
	}
	return lua.LNil
}
