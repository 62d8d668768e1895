// Prints what istiod sends to the Envoys of a Gateway, and what it adds to their Deployment.
//
// translate NAMESPACE/GATEWAY INPUT OUTPUT CRDS...
//
// The objects in INPUT are checked against the CRDs and by Istio's own validation first. Every route that an EnvoyFilter of the Gateway
// changes must be there.
package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"regexp"
	"strings"

	listener "github.com/envoyproxy/go-control-plane/envoy/config/listener/v3"
	route "github.com/envoyproxy/go-control-plane/envoy/config/route/v3"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"
	networking "istio.io/api/networking/v1alpha3"
	"istio.io/istio/pilot/pkg/config/kube/crd"
	"istio.io/istio/pilot/pkg/config/kube/gatewaycommon"
	"istio.io/istio/pilot/pkg/model"
	"istio.io/istio/pilot/test/xds"
	"istio.io/istio/pilot/test/xdstest"
	"istio.io/istio/pkg/config"
	schemas "istio.io/istio/pkg/config/crd"
	"istio.io/istio/pkg/config/schema/collections"
	"istio.io/istio/pkg/test"
	"istio.io/istio/pkg/test/util/retry"
	discovery "k8s.io/api/discovery/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/yaml"
)

const address = "10.9.9.9"

// What only Envoys with the filter have.
const private = "x-session-persistence-pin"

// What istiod's controller of Deployments creates for a Gateway, as far as the rest of istiod looks at it.
const created = `
apiVersion: v1
kind: Service
metadata: {name: %[2]s-istio, namespace: %[1]s}
spec:
  clusterIP: 10.8.8.8
  selector: {gateway.networking.k8s.io/gateway-name: %[2]s}
  ports: %[3]s
---
apiVersion: v1
kind: Pod
metadata:
  name: %[2]s-istio-0
  namespace: %[1]s
  labels: {gateway.networking.k8s.io/gateway-name: %[2]s}
spec: {containers: [{name: istio-proxy}], nodeName: node}
status: {phase: Running, podIP: ` + address + `, podIPs: [{ip: ` + address + `}], conditions: [{type: Ready, status: "True"}]}
`

// The part of the Deployment that parameters of a Gateway may change.
const deployment = `
apiVersion: apps/v1
kind: Deployment
metadata: {name: gateway}
spec: {template: {spec: {containers: [{name: istio-proxy, env: [{name: PILOT_CERT_PROVIDER, value: istiod}]}]}}}
`

// It has the time of reading.
var version = regexp.MustCompile(`"ISTIO_META_WASM_PLUGIN_RESOURCE_VERSION": *"[^"]*"`)

func main() {
	failed := test.Wrap(func(t test.Failer) {
		namespace, gateway, _ := strings.Cut(os.Args[1], "/")
		input, err := os.ReadFile(os.Args[2])
		check(t, err)
		configs := read(t, string(input), os.Args[4:])
		labels := map[string]string{"gateway.networking.k8s.io/gateway-name": gateway}
		if strings.Contains(string(translate(t, namespace, gateway, string(input), labels)), private) {
			t.Fatal("Envoys without the keys get the filter")
		}
		labels["session-persistence.dev/keys"] = namespace
		sent := translate(t, namespace, gateway, string(input), labels)
		for _, name := range changed(configs, namespace, gateway) {
			if !strings.Contains(string(sent), "name: "+name+"\n") {
				t.Fatalf("Istio has no route named %s", name)
			}
		}
		check(t, os.WriteFile(os.Args[3], sent, 0o644))
	})
	if failed != nil {
		fmt.Fprintln(os.Stderr, failed)
		os.Exit(1)
	}
}

func check(t test.Failer, err error) {
	if err != nil {
		t.Fatal(err)
	}
}

// Istio's own objects, which must be valid.
func read(t test.Failer, input string, crds []string) []config.Config {
	validator, err := schemas.NewValidatorFromFiles(crds...)
	check(t, err)
	validator.SkipMissing = true
	check(t, validator.ValidateCustomResourceYAML(input, nil))
	configs, _, err := crd.ParseInputs(input)
	check(t, err)
	for _, config := range configs {
		if schema, found := collections.PilotGatewayAPI().FindByGroupVersionKind(config.GroupVersionKind); found {
			warning, err := schema.ValidateConfig(config)
			check(t, err)
			if warning != nil {
				fmt.Fprintf(os.Stderr, "%s %s: %v\n", config.GroupVersionKind.Kind, config.Name, warning)
			}
		}
	}
	return configs
}

// The routes that an EnvoyFilter of the Gateway changes.
func changed(configs []config.Config, namespace, gateway string) []string {
	var names []string
	for _, config := range configs {
		filter, found := config.Spec.(*networking.EnvoyFilter)
		if found && config.Namespace == namespace && filter.WorkloadSelector.Labels["gateway.networking.k8s.io/gateway-name"] == gateway {
			for _, patch := range filter.ConfigPatches {
				if name := patch.Match.GetRouteConfiguration().GetVhost().GetRoute().GetName(); name != "" {
					names = append(names, name)
				}
			}
		}
	}
	return names
}

func translate(t test.Failer, namespace, gateway, input string, labels map[string]string) []byte {
	var kubernetes, istio []string
	var slices []*discovery.EndpointSlice
	deployments := []any{}
	ports, err := json.Marshal(listened(t, input, namespace, gateway))
	check(t, err)
	for _, object := range strings.Split(input+"\n---\n"+fmt.Sprintf(created, namespace, gateway, ports), "\n---\n") {
		var head struct {
			APIVersion, Kind string
			Data             map[string]string
		}
		check(t, yaml.Unmarshal([]byte(object), &head))
		if head.Kind == "EndpointSlice" {
			slice := &discovery.EndpointSlice{}
			check(t, yaml.Unmarshal([]byte(object), slice))
			slices = append(slices, slice)
		} else if strings.Contains(head.APIVersion, ".istio.io/") {
			istio = append(istio, object)
		} else if head.APIVersion != "" {
			kubernetes = append(kubernetes, object)
		}
		if head.Kind == "ConfigMap" {
			applied, err := gatewaycommon.ApplyOverlay(deployment, []map[string]string{head.Data})
			check(t, err)
			var value any
			check(t, yaml.Unmarshal([]byte(applied), &value))
			deployments = append(deployments, value)
		}
	}
	server := xds.NewFakeDiscoveryServer(t, xds.FakeOptions{
		KubernetesObjectString: strings.Join(kubernetes, "\n---\n"),
		ConfigString:           strings.Join(istio, "\n---\n"),
	})
	proxy := server.SetupProxy(&model.Proxy{
		Type:            model.Router,
		ID:              gateway + "-istio-0." + namespace,
		IPAddresses:     []string{address},
		ConfigNamespace: namespace,
		Labels:          labels,
		Metadata:        &model.NodeMetadata{Namespace: namespace, Labels: labels, IstioVersion: "1.31.0"},
	})
	serve(t, server, proxy, slices)
	listeners := server.Listeners(proxy)
	routes := server.RoutesFromListeners(proxy, listeners)
	for _, route := range routes {
		if pins(route) && !isFiltered(t, listeners, route.Name) {
			t.Fatalf("clients of %s see the private header: its listener has no filter", route.Name)
		}
	}
	extensions := server.ConfigGen.BuildExtensionConfiguration(proxy, server.PushContext(), discovered(t, listeners), nil)
	printed, err := json.Marshal(map[string]any{
		"deployments": deployments,
		"listeners":   list(t, listeners),
		"extensions":  list(t, extensions),
		"routes":      list(t, routes),
		"clusters":    list(t, server.Clusters(proxy)),
		"endpoints":   list(t, server.Endpoints(proxy)),
	})
	check(t, err)
	printed = version.ReplaceAll(printed, []byte(`"ISTIO_META_WASM_PLUGIN_RESOURCE_VERSION":"1"`))
	printed, err = yaml.JSONToYAML(printed)
	check(t, err)
	return printed
}

// Adds endpoints. As in a cluster, their Services are known: istiod reads from them what terminating endpoints are.
func serve(t test.Failer, server *xds.FakeDiscoveryServer, proxy *model.Proxy, slices []*discovery.EndpointSlice) {
	wanted := 0
	for _, slice := range slices {
		client := server.KubeClient().Kube().DiscoveryV1().EndpointSlices(slice.Namespace)
		_, err := client.Create(context.Background(), slice, metav1.CreateOptions{})
		check(t, err)
		wanted += len(slice.Endpoints)
	}
	retry.UntilOrFail(t, func() bool {
		found := 0
		for _, assignment := range server.Endpoints(proxy) {
			for _, locality := range assignment.Endpoints {
				found += len(locality.LbEndpoints)
			}
		}
		return found == wanted
	})
}

// The ports of a Gateway, as those of a Service.
func listened(t test.Failer, input, namespace, gateway string) []any {
	ports := []any{}
	for _, object := range strings.Split(input, "\n---\n") {
		var found struct {
			Kind     string
			Metadata struct{ Namespace, Name string }
			Spec     struct {
				ParentRef struct{ Namespace, Name string }
				Listeners []struct{ Port int }
			}
		}
		check(t, yaml.Unmarshal([]byte(object), &found))
		is := func(ref struct{ Namespace, Name string }) bool {
			return ref.Name == gateway && (ref.Namespace == namespace || ref.Namespace == "")
		}
		if found.Kind == "Gateway" && is(found.Metadata) || found.Kind == "ListenerSet" && is(found.Spec.ParentRef) {
			for _, listener := range found.Spec.Listeners {
				name := fmt.Sprintf("http-%d", listener.Port)
				ports = append(ports, map[string]any{"name": name, "port": listener.Port, "targetPort": listener.Port})
			}
		}
	}
	return ports
}

// Whether routes have Envoy's own persistence.
func pins(routes *route.RouteConfiguration) bool {
	for _, host := range routes.VirtualHosts {
		for _, route := range host.Routes {
			if route.TypedPerFilterConfig["session-persistence-pin"] != nil {
				return true
			}
		}
	}
	return false
}

// Whether a listener with these routes has the filter.
func isFiltered(t test.Failer, listeners []*listener.Listener, routes string) bool {
	for _, listener := range listeners {
		for _, chain := range listener.FilterChains {
			manager := xdstest.ExtractHTTPConnectionManager(t, chain)
			if manager.GetRds().GetRouteConfigName() == routes {
				for _, filter := range manager.HttpFilters {
					if strings.Contains(filter.Name, "-session-persistence") {
						return true
					}
				}
			}
		}
	}
	return false
}

// The names of the filters whose configuration Envoy asks for.
func discovered(t test.Failer, listeners []*listener.Listener) []string {
	var names []string
	for _, listener := range listeners {
		for _, chain := range listener.FilterChains {
			for _, filter := range xdstest.ExtractHTTPConnectionManager(t, chain).GetHttpFilters() {
				if filter.GetConfigDiscovery() != nil {
					names = append(names, filter.Name)
				}
			}
		}
	}
	return names
}

func list[M proto.Message](t test.Failer, messages []M) []any {
	values := []any{}
	for _, message := range messages {
		printed, err := protojson.Marshal(message)
		check(t, err)
		var value any
		check(t, json.Unmarshal(printed, &value))
		values = append(values, value)
	}
	return values
}
