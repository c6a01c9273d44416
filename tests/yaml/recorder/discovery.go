package main

import (
	"encoding/json"
	"net/http"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// discovery answers which kinds there are. None has a namespace, so that kubectl writes none into
// the objects.
func discovery() http.Handler {
	groups := map[string]map[string]string{
		"v1":                  {"configmaps": "ConfigMap"},
		"skupper.io/v2alpha1": {"accessgrants": "AccessGrant", "accesstokens": "AccessToken"},
	}
	answers := http.NewServeMux()
	answers.HandleFunc("/api", func(w http.ResponseWriter, _ *http.Request) {
		say(w, metav1.APIVersions{TypeMeta: metav1.TypeMeta{Kind: "APIVersions"}, Versions: []string{"v1"}})
	})
	skupper := metav1.GroupVersionForDiscovery{GroupVersion: "skupper.io/v2alpha1", Version: "v2alpha1"}
	answers.HandleFunc("/apis", func(w http.ResponseWriter, _ *http.Request) {
		group := metav1.APIGroup{Name: "skupper.io", Versions: []metav1.GroupVersionForDiscovery{skupper}, PreferredVersion: skupper}
		say(w, metav1.APIGroupList{TypeMeta: metav1.TypeMeta{Kind: "APIGroupList", APIVersion: "v1"}, Groups: []metav1.APIGroup{group}})
	})
	for version, kinds := range groups {
		list := metav1.APIResourceList{
			TypeMeta:     metav1.TypeMeta{Kind: "APIResourceList", APIVersion: "v1"},
			GroupVersion: version,
		}
		for plural, kind := range kinds {
			list.APIResources = append(list.APIResources, metav1.APIResource{Name: plural, Kind: kind, Verbs: metav1.Verbs{"create", "get"}})
		}
		path := "/apis/" + version
		if version == "v1" {
			path = "/api/v1"
		}
		answers.HandleFunc(path, func(w http.ResponseWriter, _ *http.Request) { say(w, list) })
	}
	return answers
}

func say(w http.ResponseWriter, answer any) {
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(answer)
}
